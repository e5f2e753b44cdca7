// The issuer for any CA that speaks ACME (RFC 8555): puts together transport, directory, account and order, each name with
// connections, deadline and signal of its own, the directory shared by all. It never retries: the renewal loop does.

import type { Clock } from '../../core/clock.ts';
import { GateError } from '../../core/errors.ts';
import type { AcmeIssuerSettings, KeyType } from '../../core/settings.ts';
import type { Storage } from '../../core/storage.ts';
import { createChallengeAnswers } from '../challenge.ts';
import { startDeadline } from '../deadline.ts';
import { orderCertificate } from '../order.ts';
import { acmeAccount } from './acme-account.ts';
import { isProblemType } from './acme-problem.ts';
import { createAcmeSession, fetchDirectory, type AcmeDirectory } from './acme-session.ts';
import { createAcmeTransport, readCaFile, type AcmeTransport } from './acme-transport.ts';
import type { Issuer } from './issuer.ts';

export interface AcmeIssuerOptions {
  readonly settings: AcmeIssuerSettings;
  readonly keyType: KeyType;
  readonly storage: Storage;
  readonly clock: Clock;
  /** for one request to the CA (30 s) */
  readonly requestTimeoutMs?: number;
  /** from the first request to the checked chain (3 min) */
  readonly orderTimeoutMs?: number;
}

const DIRECTORY_MAX_AGE_MS = 3_600_000;

/** An issuer for one directory. */
export const createAcmeIssuer = (options: AcmeIssuerOptions): Issuer => {
  const { settings, keyType, storage, clock } = options;
  const { requestTimeoutMs = 30_000, orderTimeoutMs = 180_000 } = options;
  const answers = createChallengeAnswers({ storage });
  let directory: { readonly found: Promise<AcmeDirectory>; readonly atMs: number } | undefined;

  const withTransport = async <T>(
    signal: AbortSignal,
    work: (transport: AcmeTransport) => Promise<T>,
  ): Promise<T> => {
    const caPem = await readCaFile(settings.caFile);
    const transport = createAcmeTransport({
      clock,
      signal,
      requestTimeoutMs,
      ...(caPem === undefined ? {} : { caPem }),
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

  const order = (name: string, signal: AbortSignal): Promise<{ keyPem: string; chainPem: string }> =>
    withTransport(signal, async (transport) => {
      const common = {
        directoryUrl: settings.directory,
        directory: await unlessAborted(findDirectory(), signal),
        transport,
        clock,
      };
      const accountOptions = {
        storage,
        directory: settings.directory,
        signal,
        register: (keyPem: string) =>
          createAcmeSession({ ...common, accountKeyPem: keyPem }).register(settings.email),
      };
      const attempt = ({ keyPem, url }: { readonly keyPem: string; readonly url: string }) =>
        orderCertificate({
          session: createAcmeSession({ ...common, accountKeyPem: keyPem, accountUrl: url }),
          answers,
          name,
          keyType,
          clock,
          signal,
        });
      const account = await acmeAccount(accountOptions);
      try {
        return await attempt(account);
      } catch (error) {
        if (!(error instanceof GateError) || !isProblemType(error.details, 'accountDoesNotExist'))
          throw error;
        return attempt(await acmeAccount(accountOptions, account.url));
      }
    });

  return {
    source: 'acme',
    issuer: settings.name,
    directory: settings.directory,
    obtain: async (name, signal) => {
      const deadline = startDeadline(
        clock,
        orderTimeoutMs,
        signal,
        () => new GateError('ERR_ACME_TIMEOUT', `order for "${name}" was not done in ${orderTimeoutMs} ms`),
      );
      try {
        return await order(name, deadline.signal);
      } catch (error) {
        // Whatever a step made of it, the reason is that the time was up or the caller had enough.
        deadline.signal.throwIfAborted();
        throw error;
      } finally {
        deadline.clear();
      }
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
