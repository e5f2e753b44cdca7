// The configured public CAs as CAA records speak of them. Preflight, doctor and `linkgate dns` judge CAA records by this list. A
// CA of one's own has no name in CAA records and is left out.

import type { Settings } from '../core/settings.ts';
import type { CaaAsker } from './caa.ts';

const IDENTITIES: Readonly<Record<string, readonly string[]>> = {
  'acme-v02.api.letsencrypt.org': ['letsencrypt.org'],
  'acme-staging-v02.api.letsencrypt.org': ['letsencrypt.org'],
  'acme.zerossl.com': ['sectigo.com', 'trust-provider.com', 'usertrust.com', 'comodoca.com', 'comodo.com'],
  'dv.acme-v02.api.pki.goog': ['pki.goog'],
};

/** The names of a public CA in CAA records, by its ACME directory; undefined for one that is not known here. */
export const caaIdentities = (directory: string): readonly string[] | undefined =>
  URL.canParse(directory) ? IDENTITIES[new URL(directory).host] : undefined;

/**
 * @param findAccountUrl - URL of the account with a directory; undefined before there is one. When it rejects, the account
 * is not known either.
 * @returns empty when no public CA is configured. Never rejects.
 */
export const publicCas = async (
  { issuers }: Settings['certificates'],
  findAccountUrl: (directory: string) => Promise<string | undefined>,
): Promise<readonly CaaAsker[]> => {
  const found = issuers.map(async (issuer) => {
    const identities = issuer.type === 'acme' ? caaIdentities(issuer.directory) : undefined;
    if (issuer.type !== 'acme' || identities === undefined) return [];
    const accountUrl = await findAccountUrl(issuer.directory).catch(() => undefined);
    return [{ identities, methods: issuer.challenges, accountUrl }];
  });
  return (await Promise.all(found)).flat();
};
