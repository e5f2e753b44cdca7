// One domain as the page shows it: Customer.io's three statuses, the certificate, what comes next, what went wrong. Pure.

import type { Status } from '../status.ts';
import { plainProblem, type PlainProblem } from './text/plain-words.ts';
import { DAY_MS, day, fromNow, span } from './text/times.ts';

export type DomainStatus = Status['domains'][number];

/** Where the page puts it: what needs somebody, what is on its way, what is fine. */
export type Group = 'attention' | 'waiting' | 'fine';
export type Tone = 'good' | 'warn' | 'bad' | 'plain';

export interface Said {
  readonly tone: Tone;
  readonly word: string;
  readonly note: string;
}

export interface DomainRow {
  readonly name: string;
  readonly group: Group;
  readonly http: Said;
  readonly https: Said;
  readonly hsts: Said;
  readonly certificate: Said & {
    /** of its whole life, 0 to 1; undefined without one */
    readonly left: number | undefined;
    /** where on that bar the renewal is planned */
    readonly renewAt: number | undefined;
  };
  readonly next: string;
  readonly problem:
    | (PlainProblem & {
        readonly at: string;
        readonly type: string;
        readonly detail: string;
        readonly issuer: string;
        readonly meanwhile: string;
      })
    | undefined;
}

export interface Surroundings {
  readonly nowMs: number;
  /** the listeners serve */
  readonly ready: boolean;
  /** of the region's tracker */
  readonly upstreamHealthy: (region: DomainStatus['region']) => boolean;
}

const said = (tone: Tone, word: string, note: string): Said => ({ tone, word, note });

/** Expired and failing ones first, then those whose renewal fails, then those that wait. */
const RANKS = { expired: 0, failing: 1, pending: 3, live: 4, retired: 5 } as const;

export const rankOf = ({ state, certificate }: DomainStatus): number =>
  state === 'live' && certificate.lastProblem !== null ? 2 : RANKS[state];

export const groupOf = (domain: DomainStatus): Group => {
  const rank = rankOf(domain);
  if (rank <= 2) return 'attention';
  return rank === 3 ? 'waiting' : 'fine';
};

const httpSaid = ({ http, region }: DomainStatus, { ready, upstreamHealthy }: Surroundings): Said => {
  if (!ready) return said('bad', 'Not served', 'the proxy is not ready');
  if (!upstreamHealthy(region)) return said('bad', 'Failing', 'the tracker does not answer');
  return said('good', 'Served', http === 'redirect' ? 'redirects to https' : 'forwards');
};

const httpsSaid = (domain: DomainStatus, around: Surroundings): Said => {
  const { state, https, region } = domain;
  if (!around.ready) return said('bad', 'Not served', 'the proxy is not ready');
  if (state === 'pending') return said('warn', 'Waiting', 'for its first certificate');
  if (state === 'expired') return said('bad', 'Failing', 'the certificate has expired');
  if (!https && state !== 'retired') return said('bad', 'Failing', 'no certificate yet');
  if (!around.upstreamHealthy(region)) return said('bad', 'Failing', 'the tracker does not answer');
  return said('good', 'Served', state === 'retired' ? 'until the certificate ends' : 'certificate valid');
};

const hstsSaid = ({ hstsMaxAge }: DomainStatus): Said =>
  hstsMaxAge === null
    ? said('good', 'None', 'as it should be')
    : said('warn', 'Warning', `hsts is set: ${span(hstsMaxAge * 1000)}`);

const share = (part: number, whole: number): number => Math.min(1, Math.max(0, part / whole));

const certificateSaid = (domain: DomainStatus, nowMs: number): DomainRow['certificate'] => {
  const { issuer, source, notBefore, notAfter, nextAttempt, lastProblem } = domain.certificate;
  const [fromMs, untilMs] = [Date.parse(notBefore ?? ''), Date.parse(notAfter ?? '')];
  if (Number.isNaN(fromMs) || Number.isNaN(untilMs)) {
    return { ...said('plain', 'None yet', ''), left: undefined, renewAt: undefined };
  }
  const whole = untilMs - fromMs;
  const left = share(untilMs - nowMs, whole);
  const renewMs = Date.parse(nextAttempt ?? '');
  const renewAt = Number.isNaN(renewMs) || lastProblem !== null ? undefined : share(untilMs - renewMs, whole);
  const by = source === 'import' ? 'imported' : (issuer ?? '');
  if (untilMs <= nowMs) {
    return { ...said('bad', `Expired ${fromNow(untilMs, nowMs)}`, by), left: 0, renewAt: undefined };
  }
  // less than a tenth of its life, or two days of a long one
  const isShort = left < 0.1 || (untilMs - nowMs < 2 * DAY_MS && whole > 30 * DAY_MS);
  const troubled = lastProblem === null ? 'good' : 'warn';
  const word = `${span(untilMs - nowMs)} left`;
  return { ...said(isShort ? 'bad' : troubled, word, `${by}, until ${day(untilMs)}`), left, renewAt };
};

const nextSaid = ({ state, certificate }: DomainStatus, nowMs: number): string => {
  const { nextAttempt, source, notAfter, lastProblem } = certificate;
  if (state === 'retired') return 'Ends with its certificate';
  if (source === 'import')
    return `Import the next one${notAfter === null ? '' : ` before ${notAfter.slice(0, 10)}`}`;
  const atMs = Date.parse(nextAttempt ?? '');
  if (Number.isNaN(atMs)) return state === 'pending' ? 'First order now' : 'Nothing planned';
  const when = atMs <= nowMs + 5_000 ? 'now' : fromNow(atMs, nowMs);
  if (lastProblem !== null) return `Tries again ${when}`;
  return state === 'live' ? `Renews ${when}` : `Orders ${when}`;
};

/** What the trouble means for links until it is over. */
const meanwhile = ({ https, certificate }: DomainStatus): string => {
  if (https) {
    return `Links work: the present certificate is good until ${certificate.notAfter?.slice(0, 10) ?? 'it ends'}.`;
  }
  return 'Links that begin with https:// do not open. Links that begin with http:// go on working.';
};

export const domainRow = (domain: DomainStatus, around: Surroundings): DomainRow => {
  const { lastProblem } = domain.certificate;
  return {
    name: domain.name,
    group: groupOf(domain),
    http: httpSaid(domain, around),
    https: httpsSaid(domain, around),
    hsts: hstsSaid(domain),
    certificate: certificateSaid(domain, around.nowMs),
    next: nextSaid(domain, around.nowMs),
    problem:
      lastProblem === null
        ? undefined
        : {
            ...plainProblem(domain.name, lastProblem),
            at: lastProblem.at,
            type: lastProblem.type,
            detail: lastProblem.detail,
            issuer: lastProblem.issuer,
            meanwhile: meanwhile(domain),
          },
  };
};
