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

/** Who asks a CA to issue, as far as CAA records speak of it. */
export interface CaaAsker {
  /** the names by which the CA is called in CAA records */
  readonly identities: readonly string[];
  /** the kinds of challenge that may prove the name (RFC 8657 §4); any when absent */
  readonly methods?: readonly string[];
  /** of the account (RFC 8657 §3); speaks against nothing when it is not known */
  readonly accountUrl?: string | undefined;
}

/** `letsencrypt.org; validationmethods=http-01` → the CA and what it is told; empty when nobody may issue. */
const parseIssue = (value: string): { readonly ca: string; readonly told: ReadonlyMap<string, string> } => {
  const [ca = '', ...parameters] = value.split(';').map((part) => part.trim());
  const told = new Map<string, string>();
  for (const parameter of parameters) {
    const at = parameter.indexOf('=');
    if (at > 0) told.set(parameter.slice(0, at).trim().toLowerCase(), parameter.slice(at + 1).trim());
  }
  return { ca: ca.toLowerCase(), told };
};

const isFor = (value: string, { identities, methods, accountUrl }: CaaAsker): boolean => {
  const { ca, told } = parseIssue(value);
  if (!identities.includes(ca)) return false;
  const wanted = told.get('validationmethods')?.split(',');
  if (wanted !== undefined && methods?.some((method) => wanted.includes(method)) === false) return false;
  const account = told.get('accounturi');
  return account === undefined || accountUrl === undefined || account === accountUrl;
};

/**
 * 1. No record: everybody may issue.
 * 2. A critical record of a kind nobody knows: nobody may.
 * 3. No `issue` record: everybody may. 4. Else only the CAs they name, by the methods and for the account they name.
 * @param records - the relevant record set of the name (RFC 8659 §3)
 */
export const caaAllows = (records: readonly CaaRecord[], asker: CaaAsker): boolean => {
  if (records.some((record) => (record.critical & 128) !== 0 && !KNOWN_TAGS.includes(tagOf(record)))) {
    return false;
  }
  const issue = records.filter((record) => tagOf(record) === 'issue');
  return issue.length === 0 || issue.some((record) => isFor(valueOf(record), asker));
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
