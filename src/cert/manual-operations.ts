// What a person does to certificates: look, issue, renew, revoke, import, export. Works on the storage beside any number of
// running proxies: under the lock of the name, and with a note (cert/state/changes.ts) so that they take it up at once.

import { X509Certificate } from 'node:crypto';
import type { CertificateStatus } from '../core/certificate-state.ts';
import type { Clock, Random } from '../core/platform/clock.ts';
import { LinkgateError, toLinkgateError } from '../core/errors.ts';
import { isUnreadable, type Storage } from '../core/storage.ts';
import { splitChain, type KeyAndChain } from './certificate/certificate.ts';
import { announceChange } from './state/changes.ts';
import { certificateStatus } from './renewal/certificate-status.ts';
import { prepareImport } from './import/prepare-import.ts';
import type { Issue } from './renewal/issue.ts';
import { LONGEST_PAUSE_MS, type Issuer } from './issuers/issuer.ts';
import { lastProblemOf } from './state/last-problem.ts';
import { withLock } from './state/name-lock.ts';
import { isRenewalDue, pauseMs } from './renewal/plan.ts';
import type { CertificateStore, StoredCertificate } from './state/store.ts';
import { unlessInvalid } from './state/unless-invalid.ts';

/** RFC 5280 §5.3.1, as far as a subscriber may use them (RFC 8555 §7.6). */
export const REVOCATION_REASONS: Readonly<Record<string, number>> = {
  unspecified: 0,
  keyCompromise: 1,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
};

/** `certs show --json`: a row of the list, and what else there is to know. */
export interface CertificateDetails extends CertificateStatus {
  readonly names: readonly string[];
  /** SHA-256 of the leaf, lower-case hex */
  readonly fingerprint: string | null;
  /** subjects, leaf first */
  readonly chain: readonly string[];
  /** serials kept for a look back */
  readonly versions: readonly string[];
  /** the CA's wish (RFC 9773) */
  readonly renewalWindow: {
    readonly start: string;
    readonly end: string;
    readonly explanationUrl: string | null;
  } | null;
}

export interface ManualOperationsOptions {
  /** configured, lower-case A-labels */
  readonly names: readonly string[];
  readonly storage: Storage;
  readonly store: CertificateStore;
  readonly issue: Issue;
  readonly issuers: readonly Issuer[];
  readonly clock: Clock;
  readonly random?: Random;
  readonly look?: (name: string, signal: AbortSignal) => Promise<LinkgateError | undefined>;
}

/** How it went with one name of `renew`: a failure does not hold up the others. */
export interface Renewed {
  readonly domain: string;
  /** absent where not even that could be found out */
  readonly status?: CertificateStatus;
  readonly problem?: LinkgateError;
}

export interface ManualOperations {
  /** configured names in their order, then the removed ones */
  list(): Promise<readonly CertificateStatus[]>;
  show(name: string): Promise<CertificateDetails>;
  /** a certificate for a name without one, or (`force`) another one, also in the place of an imported one */
  issue(name: string, force: boolean, signal: AbortSignal): Promise<CertificateStatus>;
  /** names whose renewal has come, or (`force`) all of them; imported ones are left alone */
  renew(names: readonly string[], force: boolean, signal: AbortSignal): Promise<readonly Renewed[]>;
  /** revokes at the CA and has it replaced */
  revoke(name: string, reason: string, signal: AbortSignal): Promise<CertificateStatus>;
  import(
    name: string,
    given: KeyAndChain & { readonly password?: string },
    signal: AbortSignal,
  ): Promise<CertificateStatus>;
  /** @throws LinkgateError `ERR_CERT_ABSENT` */
  export(name: string): Promise<StoredCertificate>;
}

const LOCK_WAIT_MS = 60_000;
/** as the running proxy looks */
const LOOK_PAUSE_MS = 3 * 60_000;
const PLANNED_ANEW = { failures: 0, nextAttemptMs: 0, lastIssuedMs: 0, lastProblem: null } as const;

/** @throws of every operation: LinkgateError `ERR_STORAGE_*`; `ERR_CERT_UNKNOWN_NAME` for a name that is neither configured nor stored */
export const createManualOperations = (options: ManualOperationsOptions): ManualOperations => {
  const { names, storage, store, issue, issuers, clock, look, random = Math.random } = options;

  const statusOf = async (name: string): Promise<CertificateStatus> => {
    const isRetired = !names.includes(name);
    try {
      const [certificate, state] = await Promise.all([store.read(name), store.readState(name)]);
      return certificateStatus({ domain: name, certificate, state, nowMs: clock.now(), isRetired });
    } catch (error) {
      const { code, message, entry } = toLinkgateError(error);
      if (code !== 'ERR_CERT_INVALID' && !isUnreadable(error)) throw error;
      // A file that is broken, or another user's, is shown, and does not hide the others.
      const row = certificateStatus({
        domain: name,
        certificate: undefined,
        state: undefined,
        nowMs: clock.now(),
        isRetired,
      });
      const at = new Date(clock.now()).toISOString();
      const lastProblem = { at, issuer: '', type: code, detail: message, remedy: entry.help };
      return { ...row, state: isRetired ? 'retired' : 'failing', lastProblem };
    }
  };

  const mustBeConfigured = (name: string): void => {
    if (names.includes(name)) return;
    throw new LinkgateError('ERR_CERT_UNKNOWN_NAME', `name "${name}" is not in the configuration`, {
      details: { domain: name },
    });
  };

  const mustHave = async (name: string): Promise<StoredCertificate> => {
    const certificate = await store.read(name);
    if (certificate !== undefined) return certificate;
    if (!(await store.list()).includes(name)) mustBeConfigured(name);
    throw new LinkgateError('ERR_CERT_ABSENT', `name "${name}" has no certificate`, {
      details: { domain: name },
    });
  };

  /**
   * So that `certs list` and the running proxy show what went wrong. The pause of the name is left as it was, or begins:
   * a command is no reason to try sooner. What ended by the person's own hand is no failure.
   */
  const rememberFailure = async (name: string, error: LinkgateError, signal: AbortSignal): Promise<never> => {
    if (!signal.aborted && !error.code.startsWith('ERR_STORAGE_')) {
      const nowMs = clock.now();
      const keep = async (): Promise<void> => {
        const before = (await store.readState(name)) ?? PLANNED_ANEW;
        const { retryAfterMs = 0 } = error.details;
        const isLook = error.code === 'ERR_CERT_NAME_UNREADY';
        const failures = isLook ? Math.max(before.failures, 1) : before.failures + 1;
        const waitMs = isLook ? LOOK_PAUSE_MS : pauseMs(failures, random, { retryAfterMs });
        const nextAttemptMs = Math.max(before.nextAttemptMs, nowMs + waitMs);
        const lastProblem = lastProblemOf(error, nowMs);
        await store.writeState(name, { ...before, failures, nextAttemptMs, lastProblem });
        await announceChange(storage, clock, name);
      };
      // The order's own failure is what the person wants to hear of.
      await keep().catch(() => {});
    }
    throw error;
  };

  const order = async (name: string, force: boolean, signal: AbortSignal): Promise<CertificateStatus> => {
    await issue(name, signal, { force }).catch((error: unknown) =>
      rememberFailure(name, toLinkgateError(error), signal),
    );
    await announceChange(storage, clock, name);
    return statusOf(name);
  };

  return {
    list: async () => {
      const removed = (await store.list()).filter((name) => !names.includes(name));
      const rows: CertificateStatus[] = [];
      for (const name of [...names, ...removed]) rows.push(await statusOf(name));
      return rows;
    },

    show: async (name) => {
      if (!(await store.list()).includes(name)) mustBeConfigured(name);
      const [status, certificate] = [await statusOf(name), await unlessInvalid(store.read(name))];
      const [state, versions] = await Promise.all([store.readState(name), store.versions(name)]);
      const chain = splitChain(certificate?.chainPem ?? '').map((pem) => new X509Certificate(pem));
      const told = state?.renewal;
      const hasWish =
        told !== undefined && told.fingerprint === certificate?.fingerprint && told.windowEndMs > 0;
      return {
        ...status,
        names: (chain[0]?.subjectAltName ?? '')
          .split(', ')
          .flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4)] : [])),
        fingerprint: certificate?.fingerprint ?? null,
        chain: chain.map(({ subject }) => (subject as string | undefined)?.replaceAll('\n', ', ') ?? ''),
        versions,
        renewalWindow: hasWish
          ? {
              start: new Date(told.windowStartMs).toISOString(),
              end: new Date(told.windowEndMs).toISOString(),
              explanationUrl: told.explanationUrl ?? null,
            }
          : null,
      };
    },

    issue: async (name, force, signal) => {
      mustBeConfigured(name);
      const stored = await unlessInvalid(store.read(name));
      if (stored?.source === 'import' && !force) {
        throw new LinkgateError(
          'ERR_CERT_IMPORTED',
          `certificate for "${name}" was imported: --force replaces it`,
        );
      }
      if (stored !== undefined && !force && stored.notAfterMs > clock.now()) return statusOf(name);
      const found = force ? undefined : await look?.(name, signal);
      if (found !== undefined) return rememberFailure(name, found, signal);
      return order(name, force, signal);
    },

    renew: async (wanted, force, signal) => {
      for (const name of wanted) mustBeConfigured(name);
      const renewOne = async (name: string): Promise<CertificateStatus> => {
        const [stored, state] = [await unlessInvalid(store.read(name)), await store.readState(name)];
        const isImported = stored?.source === 'import';
        if (isImported && wanted.includes(name)) {
          throw new LinkgateError(
            'ERR_CERT_IMPORTED',
            `certificate for "${name}" was imported: import its renewal`,
          );
        }
        const isDue = stored === undefined || force || isRenewalDue(stored, state, clock.now());
        return isDue && !isImported ? order(name, force, signal) : statusOf(name);
      };
      const outcomes: Renewed[] = [];
      for (const domain of wanted.length === 0 ? names : wanted) {
        try {
          outcomes.push({ domain, status: await renewOne(domain) });
        } catch (error) {
          signal.throwIfAborted();
          const status = await statusOf(domain).catch(() => undefined);
          outcomes.push({
            domain,
            problem: toLinkgateError(error),
            ...(status === undefined ? {} : { status }),
          });
        }
      }
      return outcomes;
    },

    revoke: async (name, reason, signal) => {
      const code = Object.hasOwn(REVOCATION_REASONS, reason) ? REVOCATION_REASONS[reason] : undefined;
      if (code === undefined) {
        const known = Object.keys(REVOCATION_REASONS).join(', ');
        throw new LinkgateError('ERR_USAGE', `reason "${reason}" is none of ${known}`);
      }
      const certificate = await mustHave(name);
      const { source, directory, fingerprint } = certificate;
      const issuer = issuers.find((one) => one.source === source && one.directory === directory);
      if (issuer?.revoke === undefined) {
        const why =
          source === 'acme'
            ? `no issuer of the configuration is its CA, "${directory ?? ''}"`
            : `it is of source "${source}"`;
        throw new LinkgateError(
          'ERR_CERT_IMPORTED',
          `certificate for "${name}" cannot be revoked from here: ${why}`,
        );
      }
      await issuer.revoke(certificate, code, signal);
      // As if the CA wished it replaced since long: whoever keeps the name orders at once, and serves the old one until then.
      const askAgainMs = clock.now() + LONGEST_PAUSE_MS;
      const renewal = { fingerprint, windowStartMs: 1, windowEndMs: 2, askAgainMs };
      await store.writeState(name, { ...PLANNED_ANEW, renewal });
      await announceChange(storage, clock, name);
      return statusOf(name);
    },

    import: async (name, given, signal) => {
      mustBeConfigured(name);
      const prepared = prepareImport({ name, ...given, nowMs: clock.now() });
      return withLock({ storage, clock, name, waitMs: LOCK_WAIT_MS, signal }, async () => {
        await store.write(name, { ...prepared, source: 'import', issuer: 'import' });
        await store.writeState(name, PLANNED_ANEW);
        await announceChange(storage, clock, name);
        return statusOf(name);
      });
    },

    export: mustHave,
  };
};
