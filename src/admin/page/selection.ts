// Which of very many domains the page shows: those that were asked for, the ones that need somebody first, a hundred at a time. Pure.

import { groupOf, rankOf, type DomainStatus, type Group } from './domain-row.ts';

export const PAGE_SIZE = 100;
const LONGEST_SEARCH = 253;
const GROUPS: readonly Group[] = ['attention', 'waiting', 'fine'];

/** What stands in the address of the page. */
export interface Wanted {
  /** part of a name, lower case; empty: all */
  readonly search: string;
  readonly group: Group | undefined;
  /** index of the first one shown */
  readonly from: number;
}

export interface Selection {
  readonly wanted: Wanted;
  readonly shown: readonly DomainStatus[];
  /** that were asked for, on all pages */
  readonly found: number;
  /** of all domains that hold the search, whatever the group */
  readonly counts: Readonly<Record<Group | 'all', number>>;
}

/** Anything that makes no sense is as if it were not there. */
export const wantedOf = (query: URLSearchParams): Wanted => {
  const group = GROUPS.find((one) => one === query.get('state'));
  const from = query.get('from') ?? '';
  return {
    search: (query.get('q') ?? '').trim().toLowerCase().slice(0, LONGEST_SEARCH),
    group,
    from: /^\d{1,7}$/.test(from) ? Math.floor(Number(from) / PAGE_SIZE) * PAGE_SIZE : 0,
  };
};

/** The address of the page that shows `wanted`. */
export const addressOf = ({ search, group, from }: Wanted): string => {
  const query = new URLSearchParams();
  if (search !== '') query.set('q', search);
  if (group !== undefined) query.set('state', group);
  if (from > 0) query.set('from', String(from));
  return query.size === 0 ? '/' : `/?${query.toString()}`;
};

export const selectDomains = (domains: readonly DomainStatus[], wanted: Wanted): Selection => {
  const holding = wanted.search === '' ? domains : domains.filter(({ name }) => name.includes(wanted.search));
  const counts = { all: holding.length, attention: 0, waiting: 0, fine: 0 };
  for (const domain of holding) counts[groupOf(domain)] += 1;
  const found =
    wanted.group === undefined ? holding : holding.filter((domain) => groupOf(domain) === wanted.group);
  const from = wanted.from < found.length ? wanted.from : 0;
  // the order of the configuration within each rank: sorting is stable
  const sorted = found.toSorted((a, b) => rankOf(a) - rankOf(b));
  return {
    wanted: { ...wanted, from },
    shown: sorted.slice(from, from + PAGE_SIZE),
    found: found.length,
    counts,
  };
};
