// Makes the issuers that the settings name. The one place that knows which kinds there are.

import { uptime } from 'node:os';
import { askTime } from '../cert/acme/ask-time.ts';
import { limitsOf, withBudget } from '../cert/issuers/budget.ts';
import { createCaClock, type CaClock } from '../cert/issuers/ca-clock.ts';
import { createPreflight, type Preflight } from '../cert/renewal/preflight.ts';
import { readAccountUrl } from '../cert/acme/account.ts';
import { AcmeIssuer } from '../cert/acme/acme-issuer.ts';
import { loadAcmeClient } from '../cert/acme/session.ts';
import type { Issuer } from '../cert/issuers/issuer.ts';
import { createLocalIssuer } from '../cert/local-ca/local-ca.ts';
import type { AskRenewalInfo } from '../cert/renewal/poll-renewal-info.ts';
import type { Clock } from '../core/platform/clock.ts';
import type { Settings } from '../core/settings.ts';
import type { Storage } from '../core/storage.ts';
import type { CaaAsker } from '../dns/caa.ts';
import { caaIdentities, publicCas } from '../dns/public-cas.ts';
import { createDnsResolver } from '../dns/resolver.ts';

/** In the order in which they are tried. */
export const createIssuers = (
  { keyType, keyTypes, issuers }: Settings['certificates'],
  storage: Storage,
  clock: Clock,
): readonly Issuer[] => {
  const common = { keyType, keyTypes: new Map(Object.entries(keyTypes ?? {})), storage, clock };
  return issuers.map((settings) => {
    if (settings.type === 'local') return createLocalIssuer(common);
    const issuer = new AcmeIssuer({ settings, ...common });
    const limits = limitsOf(settings.directory);
    return limits === undefined ? issuer : withBudget(issuer, { storage, clock, limits });
  });
};

/**
 * Loads the modules that orders need. Not before the start, which does not need them, and not with the first order, which may come
 * weeks later, when an upgrade has replaced the files. Never rejects: the first order reports what is wrong.
 */
export const loadIssuers = async ({ issuers }: Settings['certificates']): Promise<void> => {
  if (issuers.some(({ type }) => type === 'acme')) await loadAcmeClient().catch(() => undefined);
};

/** Asks the CA of a certificate for its renewalInfo. */
export const createAskRenewalInfo =
  (issuers: readonly Issuer[]): AskRenewalInfo =>
  async (certificate, signal) =>
    issuers
      .find(({ directory }) => directory !== undefined && directory === certificate.directory)
      ?.renewalInfo?.(certificate, signal);

/** How many orders each still allows now; Infinity where its limits are not known. @throws LinkgateError `ERR_STORAGE_*` */
export const ordersLeftOf = (
  issuers: readonly Issuer[],
): Promise<readonly { readonly issuer: string; readonly left: number; readonly most: number }[]> =>
  Promise.all(
    issuers.map(async ({ issuer, ordersLeft }) => ({
      issuer,
      ...((await ordersLeft?.()) ?? { left: Infinity, most: Infinity }),
    })),
  );

/** The time of the first CA that tells it; the own time of this machine where there is no CA to ask. */
export const createIssuersClock = (certificates: () => Settings['certificates'], clock: Clock): CaClock =>
  createCaClock({
    clock,
    // since the machine started, time asleep included
    elapsedMs: () => uptime() * 1_000,
    askTime: async (signal) => {
      for (const settings of certificates().issuers) {
        if (settings.type !== 'acme') continue;
        const caMs = await askTime(settings, clock, signal).catch(() => undefined);
        if (caMs !== undefined) return caMs;
      }
      return undefined;
    },
  });

/**
 * The configured public CAs, each with the account that the storage has at it. An account that cannot be read is not known. Preflight,
 * doctor and `linkgate dns` judge CAA records by this list.
 */
export const readPublicCas = (
  certificates: Settings['certificates'],
  storage: Storage,
): Promise<readonly CaaAsker[]> => publicCas(certificates, (directory) => readAccountUrl(storage, directory));

/** One try of one server, two tries: a name that is slow is asked for again before its next order. */
const PREFLIGHT_TRY_MS = 2_000;

/**
 * The preflight of an order; undefined when there is nothing to check. It fits public CAs only, which ask the public DNS: a private CA
 * may see another DNS, and the local one asks none.
 */
export const createIssuersPreflight = (
  certificates: Settings['certificates'],
  storage: Storage,
): Preflight | undefined => {
  const acme = certificates.issuers.filter((issuer) => issuer.type === 'acme');
  const isPublic = acme.every(({ directory }) => caaIdentities(directory) !== undefined);
  if (!isPublic || acme.length < certificates.issuers.length) return undefined;
  return createPreflight({
    resolver: createDnsResolver({ tryMs: PREFLIGHT_TRY_MS }),
    cas: () => readPublicCas(certificates, storage),
    needsAddress: !acme.some(({ challenges }) => challenges.includes('dns-01')),
  });
};
