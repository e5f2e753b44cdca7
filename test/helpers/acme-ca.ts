// A small but real ACME CA on loopback (RFC 8555 over TLS, RFC 8737, RFC 9773): it checks nonces, signatures, account
// bindings and requests, validates over the wire, and signs. Any step can be told to go wrong. In addition, Debian's Pebble
// is what others think an ACME CA is (test/helpers/pebble.ts).

import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import https from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import { badNonce, malformed, problem, type Answer, type Fault, type Step } from './acme-ca/faults.ts';
import { parseJws, type Jws } from './acme-ca/jws.ts';
import {
  Refusal,
  Resources,
  type CaAccount,
  type CaAuthorization,
  type CaCertificate,
  type CaOrder,
  type ResourcesOptions,
} from './acme-ca/resources.ts';
import { sharedPki } from './pki.ts';
import { tempDir } from './temp-dir.ts';

export interface AcmeCaOptions extends ResourcesOptions {
  /** key id → HMAC key in base64url: accounts need one of them */
  readonly eab?: Readonly<Record<string, string>>;
  /** percentage of good nonces that are refused */
  readonly nonceReject?: number;
  /** Retry-After, in seconds, on orders and authorizations that are under way */
  readonly retryAfter?: number;
  /** the window for a certificate; undefined → 404, an answer → that one (two thirds to nine tenths of its life) */
  readonly renewalInfo?: (certificate: CaCertificate) => object | undefined;
  /** Retry-After, in seconds, on renewal information; six hours unless told */
  readonly renewalRetryAfter?: number;
  /** no renewalInfo in the directory */
  readonly withoutAri?: boolean;
  /** what becomes of a chain before it is sent */
  readonly shapeChain?: (chainPem: string) => string;
}

export interface AcmeCa {
  /** directory URL */
  readonly directory: string;
  /** absolute path of the PEM certificate that its HTTPS is verified with */
  readonly caFile: string;
  /** PEM of the root that its certificates are verified with */
  readonly rootPem: string;
  readonly otherRootPem: string;
  /** in the order they were placed */
  orders(): readonly CaOrder[];
  accounts(): readonly CaAccount[];
  certificates(): readonly CaCertificate[];
  /** what was asked, in order */
  readonly steps: readonly Step[];
  /** instead of the usual answer, by how often the step was asked, from 1; undefined plays on */
  readonly faults: Map<Step, (times: number) => Fault | undefined>;
  /** as a CA that lost its accounts */
  forgetAccounts(): void;
  /** stops listening and breaks all connections */
  close(): void;
}

const STEPS: Readonly<Record<string, Step>> = {
  dir: 'directory',
  'new-nonce': 'newNonce',
  'new-account': 'newAccount',
  account: 'account',
  'new-order': 'newOrder',
  order: 'order',
  authz: 'authorization',
  challenge: 'challenge',
  finalize: 'finalize',
  cert: 'certificate',
  'renewal-info': 'renewalInfo',
  'revoke-cert': 'revokeCert',
};

const MOST_BYTES = 64 * 1024;

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    if ((bytes += chunk.length) > MOST_BYTES) throw new Refusal(malformed);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const found = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Refusal(problem(404, 'malformed'));
  return value;
};

interface Signed {
  readonly jws: Jws;
  /** undefined for a request under a key of its own */
  readonly account?: CaAccount;
}

class Ca {
  readonly #options: AcmeCaOptions;
  readonly resources: Resources;
  readonly steps: Step[] = [];
  readonly faults: AcmeCa['faults'] = new Map();
  readonly #nonces = new Set<string>();
  #nonceCount = 0;
  readonly #times = new Map<Step, number>();
  origin = '';

  constructor(options: AcmeCaOptions) {
    this.#options = options;
    this.resources = new Resources(options);
  }

  #nonce(): string {
    this.#nonceCount += 1;
    const nonce = Buffer.from(`nonce ${this.#nonceCount}`).toString('base64url');
    this.#nonces.add(nonce);
    return nonce;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, resource = '', id = '', part = ''] = (request.url ?? '').split('/');
    const step = STEPS[resource];
    const body = await bodyOf(request).catch(() => '');
    let answer: Fault;
    if (step === undefined) answer = { status: 404, body: 'no such thing' };
    else {
      this.steps.push(step);
      const times = (this.#times.get(step) ?? 0) + 1;
      this.#times.set(step, times);
      answer = this.faults.get(step)?.(times) ?? this.#answer(step, { request, body, id, part });
    }
    if (answer === 'hang') return;
    if (answer === 'reset') return void request.socket.destroy();
    const { status = 200, headers = {}, body: out = '' } = answer;
    const isObject = typeof out === 'object';
    response.writeHead(status, {
      'replay-nonce': this.#nonce(),
      date: new Date(this.resources.now()).toUTCString(),
      ...(isObject ? { 'content-type': 'application/json' } : {}),
      ...headers,
    } as Record<string, string>);
    response.end(isObject ? JSON.stringify(out) : out);
  }

  #answer(step: Step, asked: { request: IncomingMessage; body: string; id: string; part: string }): Answer {
    try {
      if (step === 'directory') return { body: this.#directory() };
      if (step === 'newNonce') return { status: asked.request.method === 'HEAD' ? 200 : 204 };
      if (step === 'renewalInfo') return this.#renewalInfo(asked.id);
      return this.#signedAnswer(step, this.#signed(step, asked), asked);
    } catch (error) {
      if (error instanceof Refusal) return error.answer;
      return problem(500, 'serverInternal', { detail: String(error) });
    }
  }

  #directory(): object {
    const { origin } = this;
    const { profiles, eab, withoutAri } = this.#options;
    return {
      newNonce: `${origin}/new-nonce`,
      newAccount: `${origin}/new-account`,
      newOrder: `${origin}/new-order`,
      revokeCert: `${origin}/revoke-cert`,
      ...(withoutAri === true ? {} : { renewalInfo: `${origin}/renewal-info` }),
      meta: {
        externalAccountRequired: eab !== undefined,
        ...(profiles === undefined
          ? {}
          : { profiles: Object.fromEntries(Object.keys(profiles).map((name) => [name, `about ${name}`])) }),
      },
    };
  }

  /** Nonce, URL and signature (RFC 8555 §6.2–6.5). @throws Refusal */
  #signed(step: Step, { request, body }: { request: IncomingMessage; body: string }): Signed {
    if (request.method !== 'POST' || request.headers['content-type'] !== 'application/jose+json') {
      throw new Refusal(problem(415, 'malformed'));
    }
    let jws: Jws;
    try {
      jws = parseJws(JSON.parse(body));
    } catch {
      throw new Refusal(malformed);
    }
    const { nonce, url, kid, jwk } = jws.header;
    const isRejected = Math.random() * 100 < (this.#options.nonceReject ?? 0);
    if (nonce === undefined || !this.#nonces.delete(nonce) || isRejected) throw new Refusal(badNonce);
    if (url !== `${this.origin}${request.url ?? ''}`) throw new Refusal(problem(401, 'unauthorized'));
    if (step === 'newAccount' || (step === 'revokeCert' && jwk !== undefined)) {
      if (jwk === undefined || !jws.isBy(jwk)) throw new Refusal(malformed);
      return { jws };
    }
    const account = this.resources.accounts.get(kid?.split('/').at(-1) ?? '');
    if (account === undefined) throw new Refusal(problem(400, 'accountDoesNotExist'));
    if (!jws.isBy(account.jwk)) throw new Refusal(problem(401, 'unauthorized'));
    return { jws, account };
  }

  #signedAnswer(
    step: Step,
    { jws, account }: Signed,
    { id, part }: { readonly id: string; readonly part: string },
  ): Answer {
    const { orders, authorizations } = this.resources;
    const payload = jws.payload ?? {};
    if (step === 'newAccount') return this.#newAccount(jws);
    // an update (RFC 8555 §7.3.2), which is believed and not kept
    if (step === 'account') return { body: { status: 'valid', contact: account?.contact ?? [] } };
    if (step === 'revokeCert') return this.#revoke(jws, account);
    if (step === 'newOrder') {
      const order = this.resources.order(account?.id ?? '', payload);
      return { status: 201, headers: this.#orderHeaders(order), body: this.#order(order) };
    }
    if (step === 'authorization') {
      const authorization = found(authorizations.get(id));
      return {
        headers: this.#underWay(authorization.status === 'pending'),
        body: this.#authorization(authorization),
      };
    }
    if (step === 'challenge') {
      const authorization = found(authorizations.get(id));
      const challenge = found(authorization.challenges.find((one) => one.id === part));
      if (jws.payload !== undefined) this.resources.accept(authorization, challenge);
      return { body: this.#challenge(authorization, challenge) };
    }
    const order = found(orders.get(id));
    if (order.account !== account?.id) throw new Refusal(problem(401, 'unauthorized'));
    if (step === 'certificate') return this.#certificate(order, part);
    // what was finalized is shown as processing once, and then as valid
    const body = this.#order(order);
    if (step === 'order' && order.status === 'processing') {
      order.status = 'valid';
      return { headers: this.#orderHeaders(order), body };
    }
    if (step === 'finalize') this.resources.finalize(order, String(payload['csr']));
    return { headers: this.#orderHeaders(order), body: this.#order(order) };
  }

  #underWay(isUnderWay: boolean): Record<string, string> {
    const { retryAfter } = this.#options;
    return isUnderWay && retryAfter !== undefined ? { 'retry-after': String(retryAfter) } : {};
  }

  #orderHeaders(order: CaOrder): Record<string, string> {
    const isUnderWay = order.status === 'pending' || order.status === 'processing';
    return { location: `${this.origin}/order/${order.id}`, ...this.#underWay(isUnderWay) };
  }

  #newAccount(jws: Jws): Answer {
    const { jwk } = jws.header;
    const { contact = [], externalAccountBinding } = (jws.payload ?? {}) as {
      contact?: string[];
      externalAccountBinding?: unknown;
    };
    let keyId: string | undefined;
    if (this.#options.eab !== undefined) {
      if (externalAccountBinding === undefined) throw new Refusal(problem(403, 'externalAccountRequired'));
      const binding = parseJws(externalAccountBinding);
      keyId = binding.header.kid ?? '';
      const key = this.#options.eab[keyId];
      const isForIt =
        JSON.stringify(binding.payload) === JSON.stringify(jwk) &&
        binding.header.url === `${this.origin}/new-account` &&
        binding.header.nonce === undefined;
      if (key === undefined || !isForIt || !binding.isByMac(key)) {
        throw new Refusal(problem(403, 'unauthorized', { detail: 'external account binding is wrong' }));
      }
    }
    const [account, isNew] = this.resources.register(jwk ?? {}, contact, keyId);
    return {
      status: isNew ? 201 : 200,
      headers: { location: `${this.origin}/account/${account.id}` },
      body: { status: 'valid', contact, orders: `${this.origin}/orders/${account.id}` },
    };
  }

  #order(order: CaOrder): object {
    const { origin } = this;
    return {
      status: order.status,
      identifiers: [{ type: 'dns', value: order.name }],
      authorizations: [`${origin}/authz/${order.authorization.id}`],
      finalize: `${origin}/finalize/${order.id}`,
      ...(order.status === 'valid' ? { certificate: `${origin}/cert/${order.id}` } : {}),
      ...(order.error === undefined ? {} : { error: order.error }),
      ...(order.profile === undefined ? {} : { profile: order.profile }),
    };
  }

  #challenge(authorization: CaAuthorization, challenge: CaAuthorization['challenges'][number]): object {
    const { id, type, token, status, error } = challenge;
    const url = `${this.origin}/challenge/${authorization.id}/${id}`;
    return { type, token, status, url, ...(error === undefined ? {} : { error }) };
  }

  #authorization(authorization: CaAuthorization): object {
    const { name, status, challenges } = authorization;
    return {
      identifier: { type: 'dns', value: name },
      status,
      challenges: challenges.map((one) => this.#challenge(authorization, one)),
    };
  }

  #certificate(order: CaOrder, part: string): Answer {
    const { pem } = found(order.certificate);
    const { intermediatePem, otherIntermediatePem } = this.resources.authority;
    const chainPem = pem + (part === 'other' ? otherIntermediatePem : intermediatePem);
    return {
      headers: {
        'content-type': 'application/pem-certificate-chain',
        link: [
          `<${this.origin}/dir>;rel="index"`,
          ...(part === 'other' ? [] : [`<${this.origin}/cert/${order.id}/other>;rel="alternate"`]),
        ],
      },
      body: this.#options.shapeChain?.(chainPem) ?? chainPem,
    };
  }

  #renewalInfo(id: string): Answer {
    if (!/^[\w-]+\.[\w-]+$/.test(id)) throw new Refusal(malformed);
    const certificate = found(this.resources.certificates.get(id));
    const { notBeforeMs, notAfterMs, revoked } = certificate;
    const at = (share: number): string =>
      new Date(notBeforeMs + (notAfterMs - notBeforeMs) * share).toISOString();
    const { renewalInfo, renewalRetryAfter = 21_600 } = this.#options;
    const usual =
      revoked === undefined ? { start: at(2 / 3), end: at(0.9) } : { start: at(-0.2), end: at(-0.1) };
    const body = renewalInfo === undefined ? { suggestedWindow: usual } : renewalInfo(certificate);
    return { headers: { 'retry-after': `${renewalRetryAfter}` }, body: found(body) };
  }

  /** By the account that ordered, or by the key of the certificate (RFC 8555 §7.6). */
  #revoke(jws: Jws, account: CaAccount | undefined): Answer {
    const { certificate: der, reason = 0 } = (jws.payload ?? {}) as { certificate?: string; reason?: number };
    const all = [...this.resources.certificates.values()];
    const certificate = found(all.find(({ raw }) => raw.toString('base64url') === der));
    const isAllowed = account === undefined ? isKeyOf(certificate, jws) : certificate.account === account.id;
    if (!isAllowed) throw new Refusal(problem(403, 'unauthorized'));
    if (certificate.revoked !== undefined) throw new Refusal(problem(400, 'alreadyRevoked'));
    if (![0, 1, 3, 4, 5, 9].includes(reason)) throw new Refusal(problem(400, 'badRevocationReason'));
    certificate.revoked = reason;
    return {};
  }
}

const isKeyOf = ({ raw }: CaCertificate, { isBy }: Jws): boolean =>
  isBy(new X509Certificate(raw).publicKey.export({ format: 'jwk' }));

export const acmeCa = async (t: Test, options: AcmeCaOptions = {}): Promise<AcmeCa> => {
  const pki = sharedPki('acme-ca');
  const caFile = join(tempDir(t), 'ca.pem');
  writeFileSync(caFile, pki.rootPem);
  const { keyPem, chainPem } = pki.leaf(['localhost']);
  const ca = new Ca(options);
  const server = https.createServer({ key: keyPem, cert: chainPem }, (request, response) => {
    void ca.handle(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  t.teardown(close);
  ca.origin = `https://localhost:${(server.address() as AddressInfo).port}`;
  const { resources, steps, faults } = ca;
  return {
    directory: `${ca.origin}/dir`,
    caFile,
    rootPem: resources.authority.rootPem,
    otherRootPem: resources.authority.otherRootPem,
    orders: () => [...resources.orders.values()],
    accounts: () => [...resources.accounts.values()],
    certificates: () => [...resources.certificates.values()],
    steps,
    faults,
    forgetAccounts: () => resources.accounts.clear(),
    close,
  };
};
