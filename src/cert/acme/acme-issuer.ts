// The issuer for any CA that speaks ACME (RFC 8555): puts together transport, directory, account and order, each name with
// connections, deadline and signal of its own, the directory shared by all. It never retries: the renewal loop does.

import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { SecureContext } from 'node:tls';
import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError, toLinkgateError, withDetails } from '../../core/errors.ts';
import type { AcmeIssuerSettings, ChallengeType, KeyType } from '../../core/settings.ts';
import type { Storage } from '../../core/storage.ts';
import { createHttpSolver, type ChallengeSolver } from '../challenges/http-01.ts';
import { createDnsSolver } from '../challenges/dns-01.ts';
import { createTlsSolver } from '../challenges/tls-alpn-01.ts';
import { withDeadline } from '../../core/platform/deadline.ts';
import { orderCertificate, type OrderOptions } from './order.ts';
import type { StoredCertificate } from '../state/store.ts';
import { acmeAccount, publishThumbprint, type AcmeAccount } from './account.ts';
import { isProblemType, parseRetryAfter } from './problem.ts';
import { certificateId, parseRenewalInfo } from './renewal-info.ts';
import { createAcmeSession, fetchDirectory, type AcmeDirectory } from './session.ts';
import { createAcmeTransport, createTrust, readCaFile, type AcmeTransport } from './transport.ts';
import type { Issuer, Obtained } from '../issuers/issuer.ts';

export interface AcmeIssuerOptions {
  readonly settings: AcmeIssuerSettings;
  readonly keyType: KeyType;
  /** the names that have another key type */
  readonly keyTypes?: ReadonlyMap<string, KeyType>;
  readonly storage: Storage;
  readonly clock: Clock;
  /** made from the settings when absent */
  readonly dnsSolver?: ChallengeSolver;
  /** for one request to the CA (30 s) */
  readonly requestTimeoutMs?: number;
  /** from the first request to the checked chain, for each kind of challenge (3 min, and what a DNS record may take) */
  readonly orderTimeoutMs?: number;
}

const DIRECTORY_MAX_AGE_MS = 3_600_000;
const ORDER_TIMEOUT_MS = 180_000;

/** The key of an external account binding, trimmed. It is shown to nobody, not even in errors. */
const readBinding = async (
  eab: AcmeIssuerSettings['eab'],
): Promise<{ readonly kid: string; readonly hmacKey: string } | undefined> => {
  if (eab === undefined) return undefined;
  let hmacKey: string;
  try {
    hmacKey = (await readFile(eab.hmacKeyFile, 'utf8')).trim();
  } catch (error) {
    const what = `eab.hmacKeyFile "${eab.hmacKeyFile}" cannot be read`;
    throw new LinkgateError('ERR_ACME_REFUSED', what, { cause: error });
  }
  if (!/^[\w+/-]{16,1000}={0,2}$/.test(hmacKey)) {
    throw new LinkgateError(
      'ERR_ACME_REFUSED',
      `eab.hmacKeyFile "${eab.hmacKeyFile}" holds no base64url key`,
    );
  }
  return { kid: eab.keyId, hmacKey };
};

/**
 * The profile to ask for. One that the CA does not have is an error rather than left out: another lifetime than the one
 * wanted would go unnoticed.
 * @throws LinkgateError `ERR_ACME_REFUSED`
 */
const checkProfile = (profile: string | undefined, { meta }: AcmeDirectory): string | undefined => {
  if (profile === undefined) return undefined;
  const known = Object.keys(((meta as { profiles?: object } | undefined)?.profiles ?? {}) as object);
  if (known.includes(profile)) return profile;
  const has = known.length === 0 ? 'it has none' : `it has ${known.slice(0, 20).join(', ')}`;
  throw new LinkgateError('ERR_ACME_REFUSED', `CA has no profile "${profile}": ${has}`);
};

/** An issuer for one directory. */
export const createAcmeIssuer = (options: AcmeIssuerOptions): Issuer => {
  const { settings, keyType, keyTypes, storage, clock } = options;
  const { requestTimeoutMs = 30_000 } = options;
  const orderTimeoutMs = options.orderTimeoutMs ?? ORDER_TIMEOUT_MS + (settings.dns?.propagationMs ?? 0);
  let trusted: { readonly caPem: string; readonly context: SecureContext } | undefined;
  let published: string | undefined;
  let directory: { readonly found: Promise<AcmeDirectory>; readonly atMs: number } | undefined;

  const solverOf = (type: ChallengeType): readonly ChallengeSolver[] => {
    if (type === 'http-01') return [createHttpSolver({ storage })];
    if (type === 'tls-alpn-01') return [createTlsSolver({ storage, clock })];
    if (options.dnsSolver !== undefined) return [options.dnsSolver];
    return settings.dns === undefined ? [] : [createDnsSolver({ settings: settings.dns, clock })];
  };
  const solvers = settings.challenges.flatMap(solverOf);

  /** The file is read each time, for it may change, and parsed when it has. */
  const findTrust = async (): Promise<SecureContext | undefined> => {
    const caPem = await readCaFile(settings.caFile);
    if (caPem === undefined) return undefined;
    if (trusted?.caPem !== caPem) trusted = { caPem, context: createTrust(caPem) };
    return trusted.context;
  };

  const withTransport = async <T>(
    signal: AbortSignal,
    work: (transport: AcmeTransport) => Promise<T>,
  ): Promise<T> => {
    const trust = await findTrust();
    const transport = createAcmeTransport({
      clock,
      signal,
      requestTimeoutMs,
      ...(trust === undefined ? {} : { trust }),
    });
    try {
      return await work(transport);
    } finally {
      transport.close();
    }
  };

  /** One request for all names that ask at once; a failure is not remembered. */
  const findDirectory = (): Promise<AcmeDirectory> => {
    const ageMs = directory === undefined ? Infinity : clock.now() - directory.atMs;
    if (directory !== undefined && ageMs >= 0 && ageMs < DIRECTORY_MAX_AGE_MS) return directory.found;
    // Not under the signal of the name that happened to be first; the limit of one request bounds it.
    const found = withTransport(new AbortController().signal, (transport) =>
      fetchDirectory(settings.directory, transport),
    );
    const fetched = { found, atMs: clock.now() };
    directory = fetched;
    found.catch(() => {
      if (directory === fetched) directory = undefined;
    });
    return found;
  };

  /** Once a key; what goes wrong is no reason not to order: the answer of each challenge goes through the storage too. */
  const publish = async (account: AcmeAccount): Promise<void> => {
    if (published === account.keyPem) return;
    published = account.keyPem;
    await publishThumbprint(storage, settings.directory, account).catch(() => {
      published = undefined;
    });
  };

  const order = (
    name: string,
    signal: AbortSignal,
    {
      replaces,
      solvers,
    }: { readonly replaces?: string | undefined; readonly solvers: readonly ChallengeSolver[] },
  ): Promise<Obtained> =>
    withTransport(signal, async (transport) => {
      const directory = await unlessAborted(findDirectory(), signal);
      const profile = checkProfile(settings.profile, directory);
      const { preferredChain } = settings;
      const wishes: OrderOptions = {
        ...(replaces === undefined ? {} : { replaces }),
        ...(profile === undefined ? {} : { profile }),
      };
      const common = { directoryUrl: settings.directory, directory, transport, clock };
      const accountOptions = {
        storage,
        directory: settings.directory,
        signal,
        register: async (keyPem: string) => {
          const externalAccountBinding = await readBinding(settings.eab);
          const session = await createAcmeSession({
            ...common,
            accountKeyPem: keyPem,
            ...(externalAccountBinding === undefined ? {} : { externalAccountBinding }),
          });
          return session.register(settings.email);
        },
      };
      const attempt = async ({ keyPem, url }: AcmeAccount): Promise<Obtained> =>
        orderCertificate({
          session: await createAcmeSession({
            ...common,
            accountKeyPem: keyPem,
            accountUrl: url,
            ...(preferredChain === undefined ? {} : { preferredChain }),
          }),
          solvers,
          wishes,
          name,
          keyType: keyTypes?.get(name) ?? keyType,
          clock,
          signal,
        });
      const account = await acmeAccount(accountOptions);
      await publish(account);
      try {
        return await attempt(account);
      } catch (error) {
        if (!(error instanceof LinkgateError) || !isProblemType(error.details, 'accountDoesNotExist'))
          throw error;
        return attempt(await acmeAccount(accountOptions, account.url));
      }
    });

  /** One order, with a deadline of its own. */
  const orderInTime = async (
    name: string,
    signal: AbortSignal,
    how: Parameters<typeof order>[2],
  ): Promise<Obtained> => {
    const late = (): Error =>
      new LinkgateError('ERR_ACME_TIMEOUT', `order for "${name}" was not done in ${orderTimeoutMs} ms`);
    return withDeadline({ clock, limitMs: orderTimeoutMs, signal, late }, async (signal) => {
      try {
        return await order(name, signal, how);
      } catch (error) {
        // Whatever a step made of it, the reason is that the time was up or that the caller aborted.
        signal.throwIfAborted();
        throw error;
      }
    });
  };

  const isOurs = ({ directory }: StoredCertificate): boolean => directory === settings.directory;

  return {
    source: 'acme',
    issuer: settings.name,
    directory: settings.directory,

    /** A kind of challenge that failed ends its order: the next kind is tried with an order of its own. */
    obtain: async (name, signal, { replaces, challenge } = {}) => {
      const id = replaces === undefined || !isOurs(replaces) ? undefined : certificateId(replaces.chainPem);
      const proven = solvers.filter(({ type }) => type === challenge);
      let left = [...proven, ...solvers.filter((solver) => !proven.includes(solver))];
      let validations = 0;
      for (;;) {
        try {
          return await orderInTime(name, signal, { replaces: id, solvers: left });
        } catch (error) {
          const problem = toLinkgateError(error);
          const { code, details } = problem;
          const failed = left.findIndex(({ type }) => type === details.challenge);
          left = left.filter((_solver, index) => index !== failed);
          validations += code === 'ERR_ACME_UNAUTHORIZED' ? 1 : 0;
          if (code === 'ERR_ACME_UNAUTHORIZED' && failed >= 0 && left.length > 0) continue;
          if (validations < 2 || signal.aborted) throw error;
          throw withDetails(problem, { validations });
        }
      }
    },

    renewalInfo: async (certificate, signal) => {
      const id = isOurs(certificate) ? certificateId(certificate.chainPem) : undefined;
      if (id === undefined) return undefined;
      const url = (await unlessAborted(findDirectory(), signal))['renewalInfo'];
      if (typeof url !== 'string') return undefined;
      try {
        return await withTransport(signal, async ({ request }) => {
          const { data, headers } = await request(`${url.replace(/\/$/, '')}/${id}`, 'get');
          return parseRenewalInfo(data, parseRetryAfter(headers['retry-after'], clock.now()));
        });
      } catch (error) {
        // It does not know the certificate, or does not understand the id: no reason not to renew it.
        if (toLinkgateError(error).code === 'ERR_ACME_REFUSED') return undefined;
        throw error;
      }
    },

    revoke: async (certificate, reason, signal) => {
      const { raw } = new X509Certificate(certificate.chainPem);
      const directory = await unlessAborted(findDirectory(), signal);
      await withTransport(signal, async (transport) => {
        const session = await createAcmeSession({
          directoryUrl: settings.directory,
          directory,
          accountKeyPem: certificate.keyPem,
          transport,
          clock,
        });
        await session.revoke(raw, reason);
      });
    },
  };
};

/** Stops waiting, though not the work, when the signal aborts. */
const unlessAborted = async <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
  signal.throwIfAborted();
  const settled = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), {
      once: true,
      signal: settled.signal,
    });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    settled.abort();
  }
};
