// Whether CAA records let a CA issue for a name (RFC 8659), for an account and by a kind of challenge (RFC 8657). The rules alone:
// caa-judgement.ts fetches the records. Must not ask anything.

/** One record as node:dns gives it: `critical` and one property, named by its tag. */
export type CaaRecord = Readonly<Record<string, unknown>> & { readonly critical: number };

/** Who asks a CA to issue, as far as CAA records speak of it. */
export interface CaaAsker {
  /** the names of the CA in CAA records */
  readonly identities: readonly string[];
  /** the kinds of challenge that may prove the name (RFC 8657 §4); any when absent */
  readonly methods?: readonly string[];
  /** of the account (RFC 8657 §3); undefined when it has none yet, or when it could not be read */
  readonly accountUrl?: string | undefined;
}

/** `unsure`: a record names the account that may issue, and the account of the asker is not known. */
export type CaaVerdict = 'allowed' | 'unsure' | 'forbidden';

const KNOWN_TAGS = ['issue', 'issuewild', 'iodef', 'contactemail', 'contactphone', 'issuemail', 'issuevmc'];

const propertyOf = (record: CaaRecord): readonly [tag: string, value: string] => {
  const [tag = '', value] =
    Object.entries(record).find(([key]) => key !== 'critical' && key !== 'type') ?? [];
  return [tag, typeof value === 'string' ? value : ''];
};

const tagOf = (record: CaaRecord): string => propertyOf(record)[0].toLowerCase();

/** As in a zone file: `0 issue "letsencrypt.org"`. */
export const caaText = (record: CaaRecord): string => {
  const [tag, value] = propertyOf(record);
  return `${record.critical} ${tag} "${value}"`;
};

interface IssueProperty {
  readonly ca: string;
  readonly accounts: readonly string[];
  readonly methods: readonly string[] | undefined;
}

/** `letsencrypt.org; validationmethods=http-01` → the CA and its parameters; `ca` is empty when nobody may issue. */
const parseIssue = (value: string): IssueProperty => {
  const [ca = '', ...parameters] = value.split(';').map((part) => part.trim());
  const valuesOf = (wanted: string): readonly string[] =>
    parameters.flatMap((parameter) => {
      const at = parameter.indexOf('=');
      const isWanted = at > 0 && parameter.slice(0, at).trim().toLowerCase() === wanted;
      return isWanted ? [parameter.slice(at + 1).trim()] : [];
    });
  return {
    ca: ca.toLowerCase(),
    accounts: valuesOf('accounturi'),
    methods: valuesOf('validationmethods').at(-1)?.split(','),
  };
};

const issuesOf = (records: readonly CaaRecord[]): readonly IssueProperty[] =>
  records.filter((record) => tagOf(record) === 'issue').map((record) => parseIssue(propertyOf(record)[1]));

const judgeIssue = ({ ca, accounts, methods }: IssueProperty, asker: CaaAsker): CaaVerdict => {
  if (!asker.identities.includes(ca)) return 'forbidden';
  if (methods !== undefined && asker.methods?.some((method) => methods.includes(method)) === false) {
    return 'forbidden';
  }
  const [account, second] = accounts;
  if (account === undefined) return 'allowed';
  // RFC 8657 §3: a property with two accounts allows none
  if (second !== undefined) return 'forbidden';
  if (asker.accountUrl === undefined) return 'unsure';
  return account === asker.accountUrl ? 'allowed' : 'forbidden';
};

const mildest = (verdicts: readonly CaaVerdict[]): CaaVerdict =>
  (['allowed', 'unsure'] as const).find((verdict) => verdicts.includes(verdict)) ?? 'forbidden';

/**
 * One CA that may issue is enough.
 * 1. No record: everybody may issue.
 * 2. A critical record of a kind nobody knows: nobody may.
 * 3. No `issue` record: everybody may.
 * 4. Else only the CAs that these records name, by the methods and for the account that they name.
 * @param records - the relevant record set of the name (RFC 8659 §3)
 */
export const judgeRecords = (records: readonly CaaRecord[], askers: readonly CaaAsker[]): CaaVerdict => {
  if (records.some((record) => (record.critical & 128) !== 0 && !KNOWN_TAGS.includes(tagOf(record)))) {
    return 'forbidden';
  }
  const issues = issuesOf(records);
  if (issues.length === 0) return 'allowed';
  return mildest(issues.flatMap((issue) => askers.map((asker) => judgeIssue(issue, asker))));
};

/** Value of the `issue` property that would allow the asker; it names the account where the records there do too. */
export const allowingValue = (
  records: readonly CaaRecord[],
  { identities, accountUrl }: CaaAsker,
): string => {
  const namesAccount = issuesOf(records).some(
    ({ ca, accounts }) => identities.includes(ca) && accounts.length > 0,
  );
  const identity = identities[0] ?? '';
  return namesAccount && accountUrl !== undefined ? `${identity}; accounturi=${accountUrl}` : identity;
};
