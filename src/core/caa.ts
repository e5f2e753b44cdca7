// Whether CAA records let a CA issue for a name (RFC 8659): asked before an order and by the doctor. Pure: whoever asks fetches
// the records.

/** One record as node:dns gives it: `critical` and one property, named by its tag. */
export type CaaRecord = Readonly<Record<string, unknown>> & { readonly critical: number };

const KNOWN_TAGS = ['issue', 'issuewild', 'iodef', 'contactemail', 'contactphone', 'issuemail', 'issuevmc'];

const tagOf = (record: CaaRecord): string =>
  (Object.keys(record).find((key) => key !== 'critical' && key !== 'type') ?? '').toLowerCase();

const valueOf = (record: CaaRecord): string => {
  const value = Object.entries(record).find(([key]) => key !== 'critical' && key !== 'type')?.[1];
  return typeof value === 'string' ? value : '';
};

/** `letsencrypt.org; validationmethods=http-01` → `letsencrypt.org`; empty when nobody may issue. */
const issuerOf = (value: string): string => (value.split(';', 1)[0] ?? '').trim().toLowerCase();

/**
 * 1. No record: everybody may issue.
 * 2. A critical record of a kind nobody knows: nobody may.
 * 3. No `issue` record: everybody may. 4. Else only the CAs they name.
 * @param records - the relevant record set of the name (RFC 8659 §3)
 * @param identities - the names by which a CA is called in CAA records
 */
export const caaAllows = (records: readonly CaaRecord[], identities: readonly string[]): boolean => {
  if (records.some((record) => (record.critical & 128) !== 0 && !KNOWN_TAGS.includes(tagOf(record)))) {
    return false;
  }
  const issue = records
    .filter((record) => tagOf(record) === 'issue')
    .map((record) => issuerOf(valueOf(record)));
  return issue.length === 0 || issue.some((issuer) => identities.includes(issuer));
};

const IDENTITIES: Readonly<Record<string, readonly string[]>> = {
  'acme-v02.api.letsencrypt.org': ['letsencrypt.org'],
  'acme-staging-v02.api.letsencrypt.org': ['letsencrypt.org'],
  'acme.zerossl.com': ['sectigo.com', 'trust-provider.com', 'usertrust.com', 'comodoca.com', 'comodo.com'],
  'dv.acme-v02.api.pki.goog': ['pki.goog'],
};

/** The names of a public CA in CAA records, by its ACME directory; undefined for one that is not known here. */
export const caaIdentities = (directory: string): readonly string[] | undefined =>
  URL.canParse(directory) ? IDENTITIES[new URL(directory).host] : undefined;
