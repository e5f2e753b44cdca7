// Makes the issuers that the settings name. The one place that knows which kinds there are.

import { uptime } from 'node:os';
import { askTime } from '../cert/acme/ask-time.ts';
import { limitsOf, withBudget } from '../cert/issuers/budget.ts';
import { createCaClock, type CaClock } from '../cert/issuers/ca-clock.ts';
import { caaIdentities, type CaaAsker } from '../core/caa.ts';
import { createPreflight, createPreflightResolver, type Preflight } from '../cert/renewal/preflight.ts';
import { readAccountUrl } from '../cert/acme/account.ts';
import { createAcmeIssuer } from '../cert/acme/acme-issuer.ts';
import { loadAcmeClient } from '../cert/acme/session.ts';
import type { Issuer } from '../cert/issuers/issuer.ts';
import { createLocalIssuer } from '../cert/local-ca/local-ca.ts';
import type { AskRenewalInfo } from '../cert/renewal/poll-renewal-info.ts';
import type { Clock } from '../core/platform/clock.ts';
import type { Settings } from '../core/settings.ts';
import type { Storage } from '../core/storage.ts';

/** In the order in which they are tried. */
export const createIssuers = (
  { keyType, keyTypes, issuers }: Settings['certificates'],
  storage: Storage,
  clock: Clock,
): readonly Issuer[] => {
  const common = { keyType, keyTypes: new Map(Object.entries(keyTypes ?? {})), storage, clock };
  return issuers.map((settings) => {
    if (settings.type === 'local') return createLocalIssuer(common);
    const issuer = createAcmeIssuer({ settings, ...common });
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
 * The preflight of an order; undefined when there is nothing to check. It fits public CAs only, which ask the public DNS: a private CA
 * may see another DNS, and the local one asks none.
 */
export const createIssuersPreflight = (
  { issuers }: Settings['certificates'],
  storage: Storage,
): Preflight | undefined => {
  const cas: (CaaAsker & { readonly directory: string })[] = [];
  let needsAddress = true;
  for (const settings of issuers) {
    const identities = settings.type === 'acme' ? caaIdentities(settings.directory) : undefined;
    if (settings.type !== 'acme' || identities === undefined) return undefined;
    cas.push({ identities, methods: settings.challenges, directory: settings.directory });
    needsAddress &&= !settings.challenges.includes('dns-01');
  }
  const askers = (): Promise<readonly CaaAsker[]> =>
    Promise.all(
      cas.map(async ({ directory, ...asker }) => ({
        ...asker,
        accountUrl: await readAccountUrl(storage, directory).catch(() => undefined),
      })),
    );
  return createPreflight({ resolver: createPreflightResolver(), cas: askers, needsAddress });
};
