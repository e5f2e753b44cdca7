// The ACME operations that an order needs, in the shapes it needs, over acme-client's low-level calls (never its `auto()`,
// which asks the name over HTTP first and fails behind NAT, and never its polling, which cannot be stopped). What a CA sends
// is checked here once.

import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { AcmeOrder, AcmeAuthorization, AcmeSession, AcmeStatus } from './order.ts';
import { alternateUrls, leadsTo } from './chain.ts';
import { isProblemType, parseProblem, parseRetryAfter } from './problem.ts';
import type { AcmeRequest, AcmeResponse, AcmeTransport } from './transport.ts';

/** The directory object (RFC 8555 §7.1.1): resource names to URLs. */
export type AcmeDirectory = Readonly<Record<string, unknown>>;

/** What acme-client does not declare of its client, read in its source at 5.4.0 (pinned). */
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

/** Nonces may be refused for no fault of ours (RFC 8555 §6.5.1); Pebble can be told to refuse a third of them. */
const MOST_NONCE_RETRIES = 10;

/** A fifth of a second, which nothing before an order needs. */
export const loadAcmeClient = async (): Promise<typeof import('acme-client')> => {
  const acme = await import('acme-client');
  // Silent whatever $DEBUG says.
  acme.setLogger(() => {});
  return acme;
};

const nonsense = (what: string, cause?: unknown): LinkgateError =>
  new LinkgateError('ERR_ACME_UNREACHABLE', `CA sent ${what} that makes no sense`, { cause });

/** acme-client's own complaints are prose about an answer that is not as it should be. */
const guarded = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw error instanceof LinkgateError ? error : nonsense(what, error);
  }
};

type Fields = Readonly<Record<string, unknown>>;

const asFields = (value: unknown, what: string): Fields => {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw nonsense(what);
};

const asText = (value: unknown, what: string): string => {
  if (typeof value === 'string' && value !== '') return value;
  throw nonsense(what);
};

const asOrder = (value: unknown, url: string): AcmeOrder => {
  const fields = asFields(value, 'an order');
  const authorizations: unknown[] = Array.isArray(fields['authorizations']) ? fields['authorizations'] : [];
  return {
    url,
    status: asText(fields['status'], 'an order'),
    authorizations: authorizations.map((entry) => asText(entry, 'an order')),
    finalize: asText(fields['finalize'], 'an order'),
    ...(fields['certificate'] === undefined
      ? {}
      : { certificate: asText(fields['certificate'], 'an order') }),
    ...(fields['error'] === undefined ? {} : { problem: parseProblem(fields['error']) }),
  };
};

const asAuthorization = (value: unknown): AcmeAuthorization => {
  const fields = asFields(value, 'an authorization');
  const identifier = asFields(fields['identifier'], 'an authorization');
  const challenges: unknown[] = Array.isArray(fields['challenges']) ? fields['challenges'] : [];
  return {
    status: asText(fields['status'], 'an authorization'),
    name: asText(identifier['value'], 'an authorization').toLowerCase(),
    challenges: challenges.map((entry) => {
      const challenge = asFields(entry, 'a challenge');
      return {
        type: asText(challenge['type'], 'a challenge'),
        url: asText(challenge['url'], 'a challenge'),
        token: typeof challenge['token'] === 'string' ? challenge['token'] : '',
        ...(challenge['error'] === undefined ? {} : { problem: parseProblem(challenge['error']) }),
      };
    }),
  };
};

/** The directory of a CA. @throws LinkgateError `ERR_ACME_*` */
export const fetchDirectory = async (url: string, transport: AcmeTransport): Promise<AcmeDirectory> =>
  asFields((await transport.request(url, 'get')).data, 'a directory');

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

/** A session that can do without an account. */
export interface KeySession extends AcmeSession {
  /** registers the key, or finds the account it already has (RFC 8555 §7.3); gives the account's URL */
  register(email: string | undefined): Promise<string>;
  /** with the session's key alone, which is the certificate's own (RFC 8555 §7.6); one already revoked is as good */
  revoke(certificateDer: Buffer, reason: number): Promise<void>;
}

/** A session with a CA: for one order, or for the registration of the account. */
export const createAcmeSession = async (options: AcmeSessionOptions): Promise<KeySession> => {
  const acme = await loadAcmeClient();
  const { directoryUrl, directory, accountKeyPem, accountUrl, transport, clock } = options;
  const { externalAccountBinding, preferredChain } = options;
  const client = new acme.Client({
    directoryUrl,
    accountKey: accountKeyPem,
    ...(accountUrl === undefined ? {} : { accountUrl }),
    ...(externalAccountBinding === undefined ? {} : { externalAccountBinding }),
  });
  const { http, api } = client as unknown as ClientInside;

  // The nonce that came with the last answer serves the next request (RFC 8555 §6.5), which halves the round trips.
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

  const post = (url: string, what: string): Promise<AcmeResponse> =>
    guarded(what, () => api.apiRequest(url, null, [200]));

  const polled = <T>(value: T, { headers }: AcmeResponse): AcmeStatus<T> => {
    const retryAfterMs = parseRetryAfter(headers['retry-after'], clock.now());
    return { value, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  };

  return {
    register: (email) =>
      guarded('an account', async () => {
        await client.createAccount({
          termsOfServiceAgreed: true,
          ...(email === undefined ? {} : { contact: [`mailto:${email}`] }),
        });
        return client.getAccountUrl();
      }),
    revoke: (certificateDer, reason) =>
      guarded('a revocation', async () => {
        const url = asText(directory['revokeCert'], 'a directory');
        const payload = { certificate: certificateDer.toString('base64url'), reason };
        try {
          await api.apiRequest(url, payload, [200], { includeJwsKid: false });
        } catch (error) {
          if (!(error instanceof LinkgateError) || !isProblemType(error.details, 'alreadyRevoked'))
            throw error;
        }
      }),
    placeOrder: (name, wishes) =>
      guarded('an order', async () => {
        // Unknown to its types, and passed on.
        const order = await client.createOrder({
          identifiers: [{ type: 'dns', value: name }],
          ...(wishes as object),
        });
        return asOrder(order, order.url);
      }),
    readOrder: async (url) => {
      const response = await post(url, 'an order');
      return polled(asOrder(response.data, url), response);
    },
    readAuthorization: async (url) => {
      const response = await post(url, 'an authorization');
      return polled(asAuthorization(response.data), response);
    },
    keyAuthorization: (token) =>
      client.getChallengeKeyAuthorization({ type: 'http-01', token, url: '', status: 'pending' }),
    acceptChallenge: async (url) => {
      await guarded('a challenge', () => api.apiRequest(url, {}, [200]));
    },
    finalize: (order, { name, keyPem }) =>
      guarded('an order', async () => {
        const [, csr] = await acme.crypto.createCsr({ altNames: [name] }, keyPem);
        const csrDer = acme.crypto.getPemBodyAsB64u(csr);
        const response = await api.apiRequest(order.finalize, { csr: csrDer }, [200]);
        return asOrder(response.data, order.url);
      }),
    downloadChain: async (url) => {
      const { data, headers } = await post(url, 'a certificate');
      const usual = asText(data, 'a certificate');
      const dateMs = Date.parse(headers.date ?? '');
      const at = Number.isNaN(dateMs) ? {} : { atMs: dateMs };
      if (preferredChain === undefined || leadsTo(usual, preferredChain)) return { chainPem: usual, ...at };
      for (const alternate of alternateUrls([headers.link ?? []].flat().join(', '), url)) {
        const chainPem = asText((await post(alternate, 'a certificate')).data, 'a certificate');
        if (leadsTo(chainPem, preferredChain)) return { chainPem, ...at };
      }
      // A CA that has retired a root must not end a renewal.
      return { chainPem: usual, ...at };
    },
  };
};
