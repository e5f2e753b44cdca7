// The manual operations that order: issue and renew. The order itself is cert/renewal/issue.ts, as in the renewal loop, and so is the
// retry after a failure (cert/renewal/backoff.ts).

import type { CertificateStatus } from '../../core/certificate-state.ts';
import { LinkgateError, toLinkgateError } from '../../core/errors.ts';
import { stateAfterFailure } from '../renewal/backoff.ts';
import { isRenewalDue } from '../renewal/plan.ts';
import { announceChange } from '../state/changes.ts';
import { isStorageFailure } from '../state/storage-failure.ts';
import type { StoredCertificate } from '../state/store.ts';
import { unlessInvalid } from '../state/unless-invalid.ts';
import { mustBeConfigured, statusOf } from './inspect.ts';
import type { ManualContext } from './manual-context.ts';

export interface ManualOrder {
  /** order also what is not due */
  readonly force: boolean;
  readonly signal: AbortSignal;
}

/** How one name of `renew` ended: a failure does not delay the others. */
export interface Renewed {
  readonly domain: string;
  /** absent where even the status could not be read */
  readonly status?: CertificateStatus;
  readonly problem?: LinkgateError;
}

/**
 * Keeps a failure, so that `certs list` and the running proxy show it. The pause of the name stays or begins: a command is no reason to
 * try sooner. A storage that failed is not kept, nor is an interruption by the person.
 */
const rememberFailure = async (
  { storage, states, clock, random = Math.random }: ManualContext,
  name: string,
  error: LinkgateError,
  certificate: StoredCertificate | undefined,
): Promise<void> => {
  if (isStorageFailure(error)) return;
  const failure = { error, nowMs: clock.now(), random, certificate };
  await states.update(name, {}, (stored) => stateAfterFailure(stored, failure));
  await announceChange(storage, clock, name);
};

/** @param preflight - what is checked first; an order that cannot succeed is not placed */
const order = async (
  context: ManualContext,
  name: string,
  { force, signal, preflight }: ManualOrder & Pick<ManualContext, 'preflight'>,
  certificate: StoredCertificate | undefined,
): Promise<CertificateStatus> => {
  const { storage, issue, clock } = context;
  try {
    const problem = await preflight?.(name, signal);
    if (problem !== undefined) throw problem;
    await issue(name, signal, { force });
  } catch (error) {
    const failure = toLinkgateError(error);
    // The person wants to know the failure of the order, and not that it could not be kept.
    if (!signal.aborted) await rememberFailure(context, name, failure, certificate).catch(() => {});
    throw failure;
  }
  await announceChange(storage, clock, name);
  return statusOf(context, name);
};

/** @throws LinkgateError `ERR_CERT_IMPORTED` for an imported certificate without `force`; the errors of an order */
export const issueCertificate = async (
  context: ManualContext,
  name: string,
  asked: ManualOrder,
): Promise<CertificateStatus> => {
  mustBeConfigured(context, name);
  const stored = await unlessInvalid(context.store.read(name));
  if (stored?.source === 'import' && !asked.force) {
    throw new LinkgateError(
      'ERR_CERT_IMPORTED',
      `certificate for "${name}" was imported: --force replaces it`,
    );
  }
  const isLive = stored !== undefined && stored.notAfterMs > context.clock.now();
  if (asked.force) return order(context, name, asked, stored);
  return isLive ? statusOf(context, name) : order(context, name, { ...context, ...asked }, stored);
};

const renewOne = async (
  context: ManualContext,
  name: string,
  asked: ManualOrder,
  isNamed: boolean,
): Promise<CertificateStatus> => {
  const { store, states, clock } = context;
  const [stored, state] = [await unlessInvalid(store.read(name)), await states.read(name)];
  const isImported = stored?.source === 'import';
  if (isImported && isNamed) {
    throw new LinkgateError(
      'ERR_CERT_IMPORTED',
      `certificate for "${name}" was imported: import its renewal`,
    );
  }
  const isDue = stored === undefined || asked.force || isRenewalDue(stored, state, clock.now());
  return isDue && !isImported ? order(context, name, asked, stored) : statusOf(context, name);
};

/** @param wanted - all configured names when empty */
export const renewCertificates = async (
  context: ManualContext,
  wanted: readonly string[],
  asked: ManualOrder,
): Promise<readonly Renewed[]> => {
  for (const name of wanted) mustBeConfigured(context, name);
  const outcomes: Renewed[] = [];
  for (const domain of wanted.length === 0 ? context.names : wanted) {
    try {
      outcomes.push({ domain, status: await renewOne(context, domain, asked, wanted.includes(domain)) });
    } catch (error) {
      asked.signal.throwIfAborted();
      const status = await statusOf(context, domain).catch(() => undefined);
      outcomes.push({
        domain,
        problem: toLinkgateError(error),
        ...(status === undefined ? {} : { status }),
      });
    }
  }
  return outcomes;
};
