// The issuer for any CA that speaks ACME (RFC 8555): puts together access, account, session and order. It never retries an order that
// was refused: the renewal loop does. The one exception is the next kind of challenge.

import { X509Certificate } from 'node:crypto';
import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError, toLinkgateError, withDetails } from '../../core/errors.ts';
import type { AcmeIssuerSettings, ChallengeType, KeyType } from '../../core/settings.ts';
import type { Storage } from '../../core/storage.ts';
import { createHttpSolver, type ChallengeSolver } from '../challenges/http-01.ts';
import { createDnsSolver } from '../challenges/dns-01.ts';
import { createTlsSolver } from '../challenges/tls-alpn-01.ts';
import { withDeadline } from '../../core/platform/deadline.ts';
import { orderCertificate } from './order.ts';
import type { StoredCertificate } from '../state/store.ts';
import { acmeAccount, publishThumbprint, type AcmeAccount } from './account.ts';
import { checkProfile, type AcmeDirectory } from './acme-objects.ts';
import { CaAccess } from './ca-access.ts';
import { readExternalAccount } from './external-account.ts';
import { isProblemType, parseRetryAfter } from './problem.ts';
import { certificateId, parseRenewalInfo } from './renewal-info.ts';
import { createAcmeSession } from './session.ts';
import type { AcmeTransport } from './transport.ts';
import type { Issuer, Obtained, ObtainOptions, RenewalInfo } from '../issuers/issuer.ts';

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

const REQUEST_TIMEOUT_MS = 30_000;
const ORDER_TIMEOUT_MS = 180_000;

const createSolvers = ({ settings, storage, clock, dnsSolver }: AcmeIssuerOptions): ChallengeSolver[] =>
  settings.challenges.flatMap((type: ChallengeType): readonly ChallengeSolver[] => {
    if (type === 'http-01') return [createHttpSolver({ storage })];
    if (type === 'tls-alpn-01') return [createTlsSolver({ storage, clock })];
    if (dnsSolver !== undefined) return [dnsSolver];
    return settings.dns === undefined ? [] : [createDnsSolver({ settings: settings.dns, clock })];
  });

/** What one order is about. */
interface OrderRequest {
  readonly name: string;
  readonly solvers: readonly ChallengeSolver[];
  readonly replaces: string | undefined;
  readonly signal: AbortSignal;
}

/** What the sessions of one order share. */
interface Connected {
  readonly directoryUrl: string;
  readonly directory: AcmeDirectory;
  readonly transport: AcmeTransport;
  readonly clock: Clock;
}

/** An issuer for one directory. */
export class AcmeIssuer implements Issuer {
  readonly source = 'acme';
  readonly issuer: string;
  readonly directory: string;
  readonly #options: AcmeIssuerOptions;
  readonly #orderTimeoutMs: number;
  readonly #access: CaAccess;
  readonly #solvers: readonly ChallengeSolver[];
  /** the account key whose thumbprint the storage has */
  #publishedKeyPem: string | undefined;

  constructor(options: AcmeIssuerOptions) {
    const { settings, requestTimeoutMs = REQUEST_TIMEOUT_MS } = options;
    this.issuer = settings.name;
    this.directory = settings.directory;
    this.#options = options;
    this.#orderTimeoutMs = options.orderTimeoutMs ?? ORDER_TIMEOUT_MS + (settings.dns?.propagationMs ?? 0);
    this.#access = new CaAccess({ settings, clock: options.clock, requestTimeoutMs });
    this.#solvers = createSolvers(options);
  }

  /** A kind of challenge that failed ends its order: the next kind is tried with an order of its own. */
  async obtain(
    name: string,
    signal: AbortSignal,
    { replaces, challenge }: ObtainOptions = {},
  ): Promise<Obtained> {
    const id = replaces === undefined ? undefined : this.#idOf(replaces);
    const proven = this.#solvers.filter(({ type }) => type === challenge);
    let left = [...proven, ...this.#solvers.filter((solver) => !proven.includes(solver))];
    let validations = 0;
    for (;;) {
      try {
        return await this.#orderInTime({ name, solvers: left, replaces: id, signal });
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
  }

  async renewalInfo(certificate: StoredCertificate, signal: AbortSignal): Promise<RenewalInfo | undefined> {
    const id = this.#idOf(certificate);
    if (id === undefined) return undefined;
    const url = (await this.#access.directory(signal))['renewalInfo'];
    if (typeof url !== 'string') return undefined;
    try {
      return await this.#access.connect(signal, async (transport) => {
        const { data, headers } = await transport.request(`${url.replace(/\/$/, '')}/${id}`, 'get');
        return parseRenewalInfo(data, parseRetryAfter(headers['retry-after'], this.#options.clock.now()));
      });
    } catch (error) {
      // The CA does not know the certificate, or does not understand the id: no reason not to renew it.
      if (toLinkgateError(error).code === 'ERR_ACME_REFUSED') return undefined;
      throw error;
    }
  }

  async revoke({ chainPem, keyPem }: StoredCertificate, reason: number, signal: AbortSignal): Promise<void> {
    const { raw } = new X509Certificate(chainPem);
    await this.#connect(signal, async (connected) => {
      const session = await createAcmeSession({ ...connected, accountKeyPem: keyPem });
      await session.revoke(raw, reason);
    });
  }

  /** The id for ARI; undefined for a certificate of another CA. */
  #idOf({ directory, chainPem }: StoredCertificate): string | undefined {
    return directory === this.directory ? certificateId(chainPem) : undefined;
  }

  async #connect<T>(signal: AbortSignal, work: (connected: Connected) => Promise<T>): Promise<T> {
    const directory = await this.#access.directory(signal);
    const { clock } = this.#options;
    return this.#access.connect(signal, (transport) =>
      work({ directoryUrl: this.directory, directory, transport, clock }),
    );
  }

  async #orderInTime(request: OrderRequest): Promise<Obtained> {
    const { name, signal } = request;
    const limitMs = this.#orderTimeoutMs;
    const late = (): Error =>
      new LinkgateError('ERR_ACME_TIMEOUT', `order for "${name}" was not done in ${limitMs} ms`);
    return withDeadline({ clock: this.#options.clock, limitMs, signal, late }, async (signal) => {
      try {
        return await this.#connect(signal, (connected) => this.#order(connected, { ...request, signal }));
      } catch (error) {
        // Whatever a step made of it, the reason is that the time was up or that the caller aborted.
        signal.throwIfAborted();
        throw error;
      }
    });
  }

  async #order(connected: Connected, request: OrderRequest): Promise<Obtained> {
    const profile = checkProfile(this.#options.settings.profile, connected.directory);
    const account = await this.#account(connected, request.signal);
    await this.#publish(account);
    try {
      return await this.#orderWith(account, connected, request, profile);
    } catch (error) {
      if (!(error instanceof LinkgateError) || !isProblemType(error.details, 'accountDoesNotExist'))
        throw error;
      const registered = await this.#account(connected, request.signal, account.url);
      return this.#orderWith(registered, connected, request, profile);
    }
  }

  async #orderWith(
    { keyPem, url }: AcmeAccount,
    connected: Connected,
    { name, solvers, replaces, signal }: OrderRequest,
    profile: string | undefined,
  ): Promise<Obtained> {
    const { settings, keyType, keyTypes, clock } = this.#options;
    const { preferredChain } = settings;
    return orderCertificate({
      session: await createAcmeSession({
        ...connected,
        accountKeyPem: keyPem,
        accountUrl: url,
        ...(preferredChain === undefined ? {} : { preferredChain }),
      }),
      solvers,
      options: {
        ...(replaces === undefined ? {} : { replaces }),
        ...(profile === undefined ? {} : { profile }),
      },
      name,
      keyType: keyTypes?.get(name) ?? keyType,
      clock,
      signal,
    });
  }

  /** @param unknownUrl - of an account that the CA does not know any more */
  #account(connected: Connected, signal: AbortSignal, unknownUrl?: string): Promise<AcmeAccount> {
    const { storage, settings } = this.#options;
    const register = async (accountKeyPem: string): Promise<string> => {
      const externalAccountBinding = await readExternalAccount(settings.eab);
      const session = await createAcmeSession({
        ...connected,
        accountKeyPem,
        ...(externalAccountBinding === undefined ? {} : { externalAccountBinding }),
      });
      return session.register(settings.email);
    };
    return acmeAccount({ storage, directory: this.directory, signal, register }, unknownUrl);
  }

  /** Once for each key. A failure does not stop the order: the answer of each challenge goes through the storage as well. */
  async #publish(account: AcmeAccount): Promise<void> {
    if (this.#publishedKeyPem === account.keyPem) return;
    this.#publishedKeyPem = account.keyPem;
    await publishThumbprint(this.#options.storage, this.directory, account).catch(() => {
      this.#publishedKeyPem = undefined;
    });
  }
}
