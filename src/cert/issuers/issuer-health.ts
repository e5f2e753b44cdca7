// How each CA fares: what failed last, and until when it is passed over in favour of the next one. Kept in the storage too,
// so that a restart does not begin by asking the CA that is down. issue.ts tells it; must not ask anybody itself.

import type { Clock } from '../../core/platform/clock.ts';
import type { IssuerStatus } from '../../core/certificate-state.ts';
import { ERRORS, LinkgateError, type ErrorCode } from '../../core/errors.ts';
import { reportStorageFailure, type Emit } from '../../core/events.ts';
import type { Storage } from '../../core/storage.ts';
import type { Issuer } from './issuer.ts';

/** How one issuer stands. Times in ms since the epoch. */
export interface IssuerHealth {
  /** name in the settings */
  readonly issuer: string;
  /** ACME directory URL */
  readonly directory?: string;
  /** failures in a row that were the CA's, each counted when it was asked again */
  readonly failures: number;
  /** when `failures` began, or ended */
  readonly sinceMs?: number;
  /** the last failure of the CA, also when it has worked since */
  readonly lastFailure?: { readonly atMs: number; readonly code: ErrorCode; readonly detail: string };
  readonly lastSuccessMs?: number;
  /** not asked before, as long as there is another one; in the past or absent when it is asked */
  readonly passedOverUntilMs?: number;
}

type Key = Pick<Issuer, 'issuer' | 'directory'>;

export interface IssuersHealth {
  /** reads what was kept, once; quiet when there is nothing, or nothing that can be understood. Never rejects. */
  load(): Promise<void>;
  /** until when the issuer is passed over; undefined when it may be asked */
  passedOverUntil(issuer: Key): number | undefined;
  /** an order at that issuer came to its end; an error that is not about the issuer counts for nothing. Never rejects. */
  tell(issuer: Key, name: string, error?: LinkgateError): Promise<void>;
  /** every issuer that was asked so far, in the order of the first time */
  list(): readonly IssuerHealth[];
}

export interface IssuersHealthOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** beside the states of names, all of which have a dot before `.json` */
const KEY = 'state/issuers.json';
const SECOND_MS = 1_000;
/** Below the pauses of a name after as many failures, so that a CA without an alternative is asked when a name is due. */
const PAUSES_MS: readonly number[] = [30, 60, 120, 240, 300].map((n) => n * SECOND_MS);
/** the longest a CA is passed over, whatever it asks for: limits are mostly about a name, and others go on */
const LONGEST_LIMIT_MS = 3_600_000;
/** A limit is about a name or a domain, until so many different names in a row have met one. */
const NAMES_FOR_A_LIMIT = 3;
const MOST_ISSUERS = 64;
const LONGEST_DETAIL_CHARS = 500;

/** whatever it was asked, the CA could not do it */
const OUTAGES: readonly string[] = ['ERR_ACME_UNREACHABLE', 'ERR_ACME_TIMEOUT', 'ERR_CERT_INVALID'];

interface Entry extends IssuerHealth {
  /** names that met a limit, without another one that did not in between */
  readonly limited: readonly string[];
}

const keyOf = ({ issuer, directory }: Key): string => directory ?? issuer;

type Fields = Readonly<Record<string, unknown>>;

const asNumber = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === 'string' && Object.hasOwn(ERRORS, value);

/** One entry as it was kept; undefined for nonsense. */
const parseEntry = (value: unknown): Entry | undefined => {
  if (typeof value !== 'object' || value === null) return undefined;
  const { issuer, directory, failures, sinceMs, lastFailure, lastSuccessMs, passedOverUntilMs } =
    value as Fields;
  if (typeof issuer !== 'string') return undefined;
  const failure = (typeof lastFailure === 'object' && lastFailure !== null ? lastFailure : {}) as Fields;
  const { atMs, code, detail } = failure;
  const [failedAtMs, succeededMs, untilMs, changedMs] = [atMs, lastSuccessMs, passedOverUntilMs, sinceMs].map(
    asNumber,
  );
  return {
    issuer,
    ...(typeof directory === 'string' ? { directory } : {}),
    failures: Math.max(0, asNumber(failures) ?? 0),
    limited: [],
    ...(changedMs === undefined ? {} : { sinceMs: changedMs }),
    ...(failedAtMs === undefined
      ? {}
      : {
          lastFailure: {
            atMs: failedAtMs,
            code: isErrorCode(code) ? code : 'ERR_INTERNAL',
            detail: typeof detail === 'string' ? detail : '',
          },
        }),
    ...(succeededMs === undefined ? {} : { lastSuccessMs: succeededMs }),
    ...(untilMs === undefined ? {} : { passedOverUntilMs: untilMs }),
  };
};

const withoutNames = ({ limited: _limited, ...health }: Entry): IssuerHealth => health;

/** The health of all issuers of one process. */
export const createIssuersHealth = ({ storage, clock, emit }: IssuersHealthOptions): IssuersHealth => {
  const entries = new Map<string, Entry>();
  let loaded: Promise<void> | undefined;
  let writing: Promise<void> = Promise.resolve();

  const read = async (): Promise<void> => {
    let kept: unknown[] = [];
    try {
      const text = (await storage.read(KEY))?.toString('utf8');
      if (text === undefined) return;
      const { version, issuers } = JSON.parse(text) as Fields;
      if (version === 1 && Array.isArray(issuers)) kept = issuers;
    } catch (error) {
      // A file that is no JSON is written anew.
      if (error instanceof LinkgateError) reportStorageFailure(emit, error);
    }
    for (const entry of kept.slice(0, MOST_ISSUERS).map(parseEntry)) {
      if (entry !== undefined && !entries.has(keyOf(entry))) entries.set(keyOf(entry), entry);
    }
  };

  /** One write at a time, each of what is known when its turn comes. */
  const keep = (): Promise<void> => {
    writing = writing.then(async () => {
      try {
        const issuers = [...entries.values()].map(withoutNames);
        await storage.write(KEY, `${JSON.stringify({ version: 1, issuers })}\n`);
      } catch (error) {
        reportStorageFailure(emit, error);
      }
      return undefined;
    });
    return writing;
  };

  const untilOf = (entry: Entry | undefined): number | undefined => {
    const untilMs = entry?.passedOverUntilMs ?? 0;
    const nowMs = clock.now();
    // One further away than any that is set comes from a clock that was wrong.
    return untilMs > nowMs && untilMs <= nowMs + LONGEST_LIMIT_MS ? untilMs : undefined;
  };

  const withFailure = (entry: Entry, error: LinkgateError): Entry => {
    const detail = error.message.slice(0, LONGEST_DETAIL_CHARS);
    const lastFailure = { atMs: clock.now(), code: error.code, detail };
    // The others that were under way when it went down say nothing new.
    if (untilOf(entry) !== undefined) return { ...entry, lastFailure };
    const failures = entry.failures + 1;
    const { retryAfterMs = 0 } = error.details;
    const askedMs = Math.min(retryAfterMs, LONGEST_LIMIT_MS);
    const pauseMs = Math.max(PAUSES_MS[Math.min(failures, PAUSES_MS.length) - 1] ?? 0, askedMs);
    const sinceMs = entry.failures > 0 ? (entry.sinceMs ?? clock.now()) : clock.now();
    return {
      ...entry,
      failures,
      sinceMs,
      lastFailure,
      limited: [],
      passedOverUntilMs: clock.now() + pauseMs,
    };
  };

  const withLimit = (entry: Entry, name: string, error: LinkgateError): Entry => {
    const limited = [...new Set([...entry.limited, name])].slice(-NAMES_FOR_A_LIMIT);
    if (limited.length === NAMES_FOR_A_LIMIT) return withFailure(entry, error);
    const detail = error.message.slice(0, LONGEST_DETAIL_CHARS);
    return { ...entry, limited, lastFailure: { atMs: clock.now(), code: error.code, detail } };
  };

  return {
    load: () => {
      loaded ??= read();
      return loaded;
    },
    passedOverUntil: (issuer) => untilOf(entries.get(keyOf(issuer))),
    tell: async (issuer, name, error) => {
      // our own budget held the order back: the CA was not asked and has shown nothing
      if (error?.details.ownLimit === true) return;
      const key = keyOf(issuer);
      const { issuer: by, directory } = issuer;
      const blank = {
        issuer: by,
        ...(directory === undefined ? {} : { directory }),
        failures: 0,
        limited: [],
      };
      const before: Entry = entries.get(key) ?? blank;
      if (error === undefined) {
        const { passedOverUntilMs, ...rest } = before;
        const wasDown = passedOverUntilMs !== undefined || before.failures > 0;
        const sinceMs = wasDown ? clock.now() : (before.sinceMs ?? clock.now());
        entries.set(key, { ...rest, failures: 0, sinceMs, limited: [], lastSuccessMs: clock.now() });
        // Two hundred certificates in a minute are not two hundred writes.
        if (wasDown || before.lastSuccessMs === undefined) await keep();
      } else if (OUTAGES.includes(error.code)) {
        entries.set(key, withFailure(before, error));
        await keep();
      } else if (error.code === 'ERR_ACME_RATE_LIMITED') {
        entries.set(key, withLimit(before, name, error));
        await keep();
      }
    },
    list: () => [...entries.values()].map(withoutNames),
  };
};

const iso = (ms: number | undefined): string | null => {
  const time = new Date(ms ?? Number.NaN);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
};

/** A row for each issuer of the configuration, in its order. */
export const issuerStatuses = (
  issuers: readonly Key[],
  health: Pick<IssuersHealth, 'list' | 'passedOverUntil'>,
): readonly IssuerStatus[] => {
  const known = new Map(health.list().map((one) => [keyOf(one), one]));
  return issuers.map((issuer) => {
    const { failures = 0, sinceMs, lastFailure } = known.get(keyOf(issuer)) ?? {};
    const healthy = failures === 0;
    return {
      name: issuer.issuer,
      healthy,
      since: iso(sinceMs),
      lastProblem:
        healthy || lastFailure === undefined
          ? null
          : {
              at: iso(lastFailure.atMs) ?? '',
              issuer: issuer.issuer,
              type: lastFailure.code,
              detail: lastFailure.detail,
              remedy: ERRORS[lastFailure.code].help,
            },
      retryAt: iso(health.passedOverUntil(issuer)),
    };
  });
};
