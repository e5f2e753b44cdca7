// The DNS records that a domain needs to reach this proxy, compared with the records that are there now. Pure: the caller has asked
// the DNS (dns/name-facts.ts, dns/caa-judgement.ts).

import { caaText, type CaaAsker } from '../dns/caa.ts';
import type { CaaJudgement } from '../dns/caa-judgement.ts';
import { nameState, type NameFacts } from '../dns/name-facts.ts';

/** How the internet reaches this proxy: by a name that a CNAME leads to, or by its addresses. */
export type ProxyTarget = { readonly name: string } | { readonly addresses: readonly string[] };

export interface WantedRecord {
  /** owner of the record, without the final dot */
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'CNAME' | 'CAA';
  /** as in a zone file, names without the final dot; empty: there must be none */
  readonly values: readonly string[];
  /** links and certificates work without it */
  readonly optional: boolean;
  /** an alias that leads to any name in this zone will do */
  readonly within?: string;
}

/**
 * `optional`: not there, and not needed. `failed`: no server gave an answer. `unsure`: CAA names an account, and the account of this
 * proxy is not known.
 */
export type RecordState = 'ok' | 'missing' | 'differs' | 'optional' | 'unsure' | 'failed';

export interface RecordView extends WantedRecord {
  readonly now: readonly string[];
  readonly state: RecordState;
}

export interface WantedFor {
  /** the domain */
  readonly name: string;
  readonly target: ProxyTarget;
  /** the configured public CAs */
  readonly cas: readonly CaaAsker[];
  /** zone that dns-01 puts its records in, where it is known */
  readonly challengeZone?: string;
  /** no other kind of challenge is configured */
  readonly isChallengeNeeded?: boolean;
}

const isBelow = (name: string, zone: string): boolean => name === zone || name.endsWith(`.${zone}`);

/**
 * 1. A CNAME to the proxy's name, or A and AAAA of its addresses. An AAAA record of any other address is one too many.
 * 2. CAA for the configured CAs: optional. No other record may stand next to a CNAME (RFC 1034 §3.6.2), so it stands at its end.
 * 3. For dns-01 with a zone of its own: `_acme-challenge` leads there (RFC 8555 §8.4).
 */
export const wantedRecords = (wanted: WantedFor): readonly WantedRecord[] => {
  const { name, target, cas, challengeZone, isChallengeNeeded = false } = wanted;
  const records: WantedRecord[] = [];
  if ('name' in target) {
    records.push({ name, type: 'CNAME', values: [target.name], optional: false });
  } else {
    const six = target.addresses.filter((address) => address.includes(':'));
    const four = target.addresses.filter((address) => !address.includes(':'));
    records.push({ name, type: 'A', values: four, optional: false });
    records.push({ name, type: 'AAAA', values: six, optional: false });
  }
  const identities = [...new Set(cas.map(({ identities: [identity] }) => identity ?? ''))];
  if (identities.length > 0) {
    const values = identities.map((identity) => `0 issue "${identity}"`);
    records.push({ name: 'name' in target ? target.name : name, type: 'CAA', values, optional: true });
  }
  if (challengeZone !== undefined && !isBelow(name, challengeZone)) {
    records.push({
      name: `_acme-challenge.${name}`,
      type: 'CNAME',
      values: [`${name}.${challengeZone}`],
      optional: !isChallengeNeeded,
      within: challengeZone,
    });
  }
  return records;
};

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((value) => other.includes(value));

/** What the DNS says of the name that a record belongs to. */
export interface PresentRecords {
  readonly facts: NameFacts;
  /** of the name that a wanted CNAME leads to: shows that an alias was flattened */
  readonly target?: NameFacts;
  readonly caa?: CaaJudgement;
}

const aliasState = (wanted: WantedRecord, { facts, target }: PresentRecords): RecordState => {
  const { values, within, optional } = wanted;
  const aliases = facts.chain.slice(1);
  const leads = aliases.some(
    (alias) => values.includes(alias) || (within !== undefined && isBelow(alias, within)),
  );
  if (leads) return 'ok';
  const own = [...facts.v4, ...facts.v6];
  if (target !== undefined && own.length > 0 && isSame(own, [...target.v4, ...target.v6])) return 'ok';
  if (aliases.length > 0 || (own.length > 0 && within === undefined)) return 'differs';
  if (facts.failures.length > 0) return 'failed';
  return optional ? 'optional' : 'missing';
};

const addressState = ({ type, values }: WantedRecord, { facts }: PresentRecords): RecordState => {
  const now = type === 'A' ? facts.v4 : facts.v6;
  if (isSame(now, values) && now.length > 0) return 'ok';
  if (now.length > 0) return 'differs';
  // servers answer for such aliases with a failure, or with no address
  if (nameState(facts) === 'endless') return 'missing';
  if (facts.failures.some((failure) => failure.startsWith(`${type}: `))) return 'failed';
  return values.length === 0 ? 'ok' : 'missing';
};

const CAA_STATES = { allowed: 'ok', unsure: 'unsure', forbidden: 'differs', failed: 'failed' } as const;

const caaState = ({ caa }: PresentRecords): RecordState => {
  if (caa === undefined) return 'failed';
  return caa.verdict === 'allowed' && caa.records.length === 0 ? 'optional' : CAA_STATES[caa.verdict];
};

/** One wanted record compared with what is there. */
export const compareRecord = (wanted: WantedRecord, present: PresentRecords): RecordView => {
  const { facts, caa } = present;
  const { type } = wanted;
  if (type === 'CAA') {
    const now = (caa?.records ?? []).map(caaText);
    return { ...wanted, now, state: caaState(present) };
  }
  if (type === 'CNAME') {
    const alias = facts.chain.slice(1, 2);
    const now = alias.length > 0 || wanted.within !== undefined ? alias : [...facts.v4, ...facts.v6];
    return { ...wanted, now, state: aliasState(wanted, present) };
  }
  const state = addressState(wanted, present);
  const addresses = type === 'A' ? facts.v4 : facts.v6;
  const alias = state === 'ok' ? [] : facts.chain.slice(1, 2).map((to) => `CNAME ${to}`);
  return { ...wanted, now: [...alias, ...addresses], state };
};

/** The wanted records as lines of a zone file (RFC 1035 §5.1); a record that must not be there is a comment. */
export const zoneLines = (records: readonly WantedRecord[]): readonly string[] => {
  const width = Math.max(0, ...records.map(({ name }) => name.length + 1));
  return records.flatMap(({ name, type, values, optional }) => {
    const owner = `${name}.`.padEnd(width);
    if (values.length === 0) return type === 'AAAA' ? [`; ${owner}  no AAAA record`] : [];
    return values.map((value) => {
      const data = type === 'CNAME' ? `${value}.` : value;
      const line = `${owner}  300  IN  ${type.padEnd(5)}  ${data}`;
      return optional ? `${line}  ; optional` : line;
    });
  });
};
