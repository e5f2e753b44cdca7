// The ACME operations that an order needs, over acme-client's low-level calls. Two parts of acme-client are never used: its `auto()`,
// which first asks the name over HTTP and fails behind NAT, and its polling, which cannot be stopped.

import type { Client } from 'acme-client';
import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError } from '../../core/errors.ts';
import { asAuthorization, asOrder, asText, guarded, type AcmeDirectory } from './acme-objects.ts';
import type {
  AcmeAuthorization,
  AcmeOrder,
  AcmeSession,
  AcmeStatus,
  DownloadedChain,
  OrderOptions,
} from './order.ts';
import { alternateUrls, leadsTo } from './chain.ts';
import { isProblemType, parseRetryAfter } from './problem.ts';
import type { AcmeRequest, AcmeResponse, AcmeTransport } from './transport.ts';

/** What acme-client's types leave out, read in its source at 5.4.0 (pinned). */
interface ClientInside {
  readonly http: {
    request: AcmeRequest;
    getDirectory: () => Promise<AcmeDirectory>;
    getNonce: () => Promise<string>;
    maxBadNonceRetries: number;
  };
  readonly api: {
    apiRequest(
      url: string,
      payload: object | null,
      valid: readonly number[],
      options?: { readonly includeJwsKid: boolean },
    ): Promise<AcmeResponse>;
  };
}

/** A CA may refuse nonces that are right (RFC 8555 §6.5.1); Pebble can be told to refuse a third of them. */
const MOST_NONCE_RETRIES = 10;

/** Takes a fifth of a second, and nothing before an order needs it. */
export const loadAcmeClient = async (): Promise<typeof import('acme-client')> => {
  const acme = await import('acme-client');
  // Silent, whatever $DEBUG says.
  acme.setLogger(() => {});
  return acme;
};

export interface AcmeSessionOptions {
  readonly directoryUrl: string;
  readonly directory: AcmeDirectory;
  /** PKCS#8 PEM */
  readonly accountKeyPem: string;
  /** absent until the account is registered */
  readonly accountUrl?: string;
  /** for the registration, where the CA asks for it (RFC 8555 §7.3.4) */
  readonly externalAccountBinding?: { readonly kid: string; readonly hmacKey: string };
  /** common name: see AcmeIssuerSettings */
  readonly preferredChain?: string;
  readonly transport: AcmeTransport;
  readonly clock: Clock;
}

/** Puts our transport and the known directory into a client. */
const equip = (
  { http }: ClientInside,
  { directory, transport }: Pick<AcmeSessionOptions, 'directory' | 'transport'>,
): void => {
  // Each response brings the nonce of the next request (RFC 8555 §6.5), which halves the round trips.
  let spareNonce: string | undefined;
  const freshNonce = http.getNonce.bind(http);
  http.getNonce = async () => {
    const nonce = spareNonce;
    spareNonce = undefined;
    return nonce ?? freshNonce();
  };
  http.request = async (url, method, body) => {
    const response = await transport.request(url, method, body);
    const nonce = response.headers['replay-nonce'];
    if (method === 'post' && response.status < 300 && typeof nonce === 'string') spareNonce = nonce;
    return response;
  };
  http.getDirectory = () => Promise.resolve(directory);
  http.maxBadNonceRetries = MOST_NONCE_RETRIES;
};

/** A session with a CA: for one order, for the registration of the account, or for a revocation. */
export const createAcmeSession = async (options: AcmeSessionOptions): Promise<KeySession> => {
  const acme = await loadAcmeClient();
  const { directoryUrl, accountKeyPem, accountUrl, externalAccountBinding } = options;
  const client = new acme.Client({
    directoryUrl,
    accountKey: accountKeyPem,
    ...(accountUrl === undefined ? {} : { accountUrl }),
    ...(externalAccountBinding === undefined ? {} : { externalAccountBinding }),
  });
  equip(client as unknown as ClientInside, options);
  return new KeySession(options, client, acme.crypto);
};

/** A session that can also work without an account. */
export class KeySession implements AcmeSession {
  readonly #options: AcmeSessionOptions;
  readonly #client: Client;
  readonly #api: ClientInside['api'];
  readonly #crypto: (typeof import('acme-client'))['crypto'];

  constructor(options: AcmeSessionOptions, client: Client, crypto: (typeof import('acme-client'))['crypto']) {
    this.#options = options;
    this.#client = client;
    this.#api = (client as unknown as ClientInside).api;
    this.#crypto = crypto;
  }

  /**
   * Registers the key, or finds the account that the key already has (RFC 8555 §7.3).
   * @returns the URL of the account
   */
  register(email: string | undefined): Promise<string> {
    return guarded('an account', async () => {
      await this.#client.createAccount({
        termsOfServiceAgreed: true,
        ...(email === undefined ? {} : { contact: [`mailto:${email}`] }),
      });
      return this.#client.getAccountUrl();
    });
  }

  /** With the session's key alone, which is the certificate's own (RFC 8555 §7.6). A certificate that is revoked already is no error. */
  revoke(certificateDer: Buffer, reason: number): Promise<void> {
    return guarded('a revocation', async () => {
      const url = asText(this.#options.directory['revokeCert'], 'a directory');
      const payload = { certificate: certificateDer.toString('base64url'), reason };
      try {
        await this.#api.apiRequest(url, payload, [200], { includeJwsKid: false });
      } catch (error) {
        if (!(error instanceof LinkgateError) || !isProblemType(error.details, 'alreadyRevoked')) throw error;
      }
    });
  }

  placeOrder(name: string, options: OrderOptions): Promise<AcmeOrder> {
    return guarded('an order', async () => {
      // acme-client's types do not know these options; it passes them on.
      const order = await this.#client.createOrder({
        identifiers: [{ type: 'dns', value: name }],
        ...(options as object),
      });
      return asOrder(order, order.url);
    });
  }

  async readOrder(url: string): Promise<AcmeStatus<AcmeOrder>> {
    const response = await this.#read(url, 'an order');
    return this.#status(asOrder(response.data, url), response);
  }

  async readAuthorization(url: string): Promise<AcmeStatus<AcmeAuthorization>> {
    const response = await this.#read(url, 'an authorization');
    return this.#status(asAuthorization(response.data), response);
  }

  keyAuthorization(token: string): Promise<string> {
    return this.#client.getChallengeKeyAuthorization({ type: 'http-01', token, url: '', status: 'pending' });
  }

  async acceptChallenge(url: string): Promise<void> {
    await guarded('a challenge', () => this.#api.apiRequest(url, {}, [200]));
  }

  finalize(order: AcmeOrder, { name, keyPem }: { name: string; keyPem: string }): Promise<AcmeOrder> {
    return guarded('an order', async () => {
      const [, csr] = await this.#crypto.createCsr({ altNames: [name] }, keyPem);
      const csrDer = this.#crypto.getPemBodyAsB64u(csr);
      const response = await this.#api.apiRequest(order.finalize, { csr: csrDer }, [200]);
      return asOrder(response.data, order.url);
    });
  }

  async downloadChain(url: string): Promise<DownloadedChain> {
    const { preferredChain } = this.#options;
    const { data, headers } = await this.#read(url, 'a certificate');
    const usual = asText(data, 'a certificate');
    const dateMs = Date.parse(headers.date ?? '');
    const at = Number.isNaN(dateMs) ? {} : { atMs: dateMs };
    if (preferredChain === undefined || leadsTo(usual, preferredChain)) return { chainPem: usual, ...at };
    for (const alternate of alternateUrls([headers.link ?? []].flat().join(', '), url)) {
      const chainPem = asText((await this.#read(alternate, 'a certificate')).data, 'a certificate');
      if (leadsTo(chainPem, preferredChain)) return { chainPem, ...at };
    }
    // A CA that no longer has the preferred root must not end a renewal.
    return { chainPem: usual, ...at };
  }

  /** POST-as-GET (RFC 8555 §6.3) */
  #read(url: string, what: string): Promise<AcmeResponse> {
    return guarded(what, () => this.#api.apiRequest(url, null, [200]));
  }

  #status<T>(value: T, { headers }: AcmeResponse): AcmeStatus<T> {
    const retryAfterMs = parseRetryAfter(headers['retry-after'], this.#options.clock.now());
    return { value, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  }
}
