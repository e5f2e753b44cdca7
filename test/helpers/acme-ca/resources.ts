// What the test CA knows: accounts, orders, authorizations, certificates, and how they follow on each other (RFC 8555
// §7.1.6). Knows nothing of HTTP.

import { randomBytes, type JsonWebKey } from 'node:crypto';
import { createAuthority, parseRequest, type Authority, type Leaf } from './authority.ts';
import { malformed, problem, type Answer } from './faults.ts';
import { thumbprint } from './jws.ts';
import { validate, type ValidationTargets } from './validate.ts';

export interface CaChallenge {
  readonly id: string;
  readonly type: string;
  readonly token: string;
  status: 'pending' | 'processing' | 'valid' | 'invalid';
  error?: object;
}

export interface CaAuthorization {
  readonly id: string;
  readonly account: string;
  readonly name: string;
  status: 'pending' | 'valid' | 'invalid';
  readonly challenges: readonly CaChallenge[];
}

export interface CaOrder {
  readonly id: string;
  readonly account: string;
  readonly name: string;
  readonly authorization: CaAuthorization;
  readonly replaces?: string;
  readonly profile?: string;
  status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';
  error?: object;
  certificate?: CaCertificate;
}

export interface CaCertificate extends Leaf {
  readonly name: string;
  readonly account: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** base64url of the SPKI: no key may come twice */
  readonly keyId: string;
  isReplaced: boolean;
  /** CRLReason, once revoked */
  revoked?: number;
}

export interface CaAccount {
  readonly id: string;
  readonly jwk: JsonWebKey;
  readonly contact: readonly string[];
  readonly eab?: string;
}

/** Thrown to the client as it is. */
export class Refusal extends Error {
  readonly answer: Answer;
  constructor(answer: Answer) {
    super('refused');
    this.answer = answer;
  }
}

export interface ResourcesOptions extends ValidationTargets {
  /** challenges offered (all three) */
  readonly challenges?: readonly string[];
  /** how long a certificate lasts (90 d); a profile has its own */
  readonly lifetimeMs?: number;
  readonly profiles?: Readonly<Record<string, number>>;
  readonly now?: () => number;
  /** says how a validation ends instead of asking the name: a problem, or 'valid' */
  readonly judge?: (name: string, type: string) => object | 'valid' | undefined;
}

const DAY_MS = 86_400_000;
const id = (): string => randomBytes(9).toString('base64url');

export class Resources {
  readonly #options: ResourcesOptions;
  readonly authority: Authority;
  readonly accounts = new Map<string, CaAccount>();
  readonly orders = new Map<string, CaOrder>();
  readonly authorizations = new Map<string, CaAuthorization>();
  readonly certificates = new Map<string, CaCertificate>();

  constructor(options: ResourcesOptions, authority = createAuthority()) {
    this.#options = options;
    this.authority = authority;
  }

  now(): number {
    return this.#options.now?.() ?? Date.now();
  }

  register(jwk: JsonWebKey, contact: readonly string[], eab: string | undefined): [CaAccount, boolean] {
    const known = [...this.accounts.values()].find((one) => thumbprint(one.jwk) === thumbprint(jwk));
    if (known !== undefined) return [known, false];
    const account = { id: id(), jwk, contact, ...(eab === undefined ? {} : { eab }) };
    this.accounts.set(account.id, account);
    return [account, true];
  }

  /** @throws Refusal */
  order(account: string, payload: Readonly<Record<string, unknown>>): CaOrder {
    const [identifier] = payload['identifiers'] as readonly { readonly value: string }[];
    const { replaces, profile } = payload as { replaces?: string; profile?: string };
    if (profile !== undefined && this.#options.profiles?.[profile] === undefined) {
      throw new Refusal(problem(400, 'invalidProfile'));
    }
    if (replaces !== undefined) {
      const old = this.certificates.get(replaces);
      if (old === undefined) throw new Refusal(malformed);
      if (old.account !== account) throw new Refusal(problem(403, 'unauthorized'));
      if (old.isReplaced) throw new Refusal(problem(409, 'alreadyReplaced'));
      old.isReplaced = true;
    }
    const name = identifier?.value ?? '';
    const authorization: CaAuthorization = {
      id: id(),
      account,
      name,
      status: 'pending',
      challenges: (this.#options.challenges ?? ['http-01', 'tls-alpn-01', 'dns-01']).map((type) => ({
        id: id(),
        type,
        // 128 bits at least (RFC 8555 §8.1)
        token: randomBytes(32).toString('base64url'),
        status: 'pending',
      })),
    };
    const order: CaOrder = {
      id: id(),
      account,
      name,
      authorization,
      status: 'pending',
      ...(replaces === undefined ? {} : { replaces }),
      ...(profile === undefined ? {} : { profile }),
    };
    this.authorizations.set(authorization.id, authorization);
    this.orders.set(order.id, order);
    return order;
  }

  /** Begins to validate; the state changes when it is done. */
  accept(authorization: CaAuthorization, challenge: CaChallenge): void {
    if (authorization.status !== 'pending' || challenge.status !== 'pending') return;
    challenge.status = 'processing';
    void this.#settle(authorization, challenge);
  }

  async #settle(authorization: CaAuthorization, challenge: CaChallenge): Promise<void> {
    const error = await this.#validate(authorization, challenge);
    challenge.status = authorization.status = error === undefined ? 'valid' : 'invalid';
    if (error !== undefined) challenge.error = error;
    const order = [...this.orders.values()].find((one) => one.authorization === authorization);
    if (order === undefined) return;
    order.status = error === undefined ? 'ready' : 'invalid';
    if (error !== undefined) order.error = error;
  }

  async #validate({ account, name }: CaAuthorization, challenge: CaChallenge): Promise<object | undefined> {
    const { type, token } = challenge;
    const judged = this.#options.judge?.(name, type);
    if (judged !== undefined) return judged === 'valid' ? undefined : judged;
    const jwk = this.accounts.get(account)?.jwk ?? {};
    try {
      await validate(type, { name, token, keyAuthorization: `${token}.${thumbprint(jwk)}` }, this.#options);
      return undefined;
    } catch (error) {
      return problem(403, 'unauthorized', { detail: String(error) }).body;
    }
  }

  /** @throws Refusal */
  finalize(order: CaOrder, csr: string): void {
    if (order.status !== 'ready') throw new Refusal(problem(403, 'orderNotReady'));
    let request: ReturnType<typeof parseRequest>;
    try {
      request = parseRequest(Buffer.from(csr, 'base64url'));
    } catch {
      throw new Refusal(problem(400, 'badCSR'));
    }
    const keyId = request.spki.toString('base64url');
    const isUsed = [...this.certificates.values()].some((one) => one.keyId === keyId);
    if (request.names.join() !== order.name || isUsed) throw new Refusal(problem(400, 'badCSR'));
    const { lifetimeMs = 90 * DAY_MS, profiles = {} } = this.#options;
    const lasts = order.profile === undefined ? lifetimeMs : (profiles[order.profile] ?? lifetimeMs);
    const notBeforeMs = this.now() - 1000;
    const notAfterMs = notBeforeMs + lasts;
    const leaf = this.authority.issue({ ...request, notBeforeMs, notAfterMs });
    const { name, account } = order;
    order.certificate = { ...leaf, name, account, notBeforeMs, notAfterMs, keyId, isReplaced: false };
    this.certificates.set(leaf.id, order.certificate);
    order.status = 'processing';
  }
}
