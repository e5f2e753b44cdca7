// The health of each CA: its last failure, and until when the next CA is asked instead. It is kept in the storage, so that a restart does
// not begin with the CA that is down. try-issuers.ts records how its orders end; nothing is asked here.

import type { Clock } from '../../core/platform/clock.ts';
import type { IssuerStatus } from '../../core/certificate-state.ts';
import { ERRORS, LinkgateError } from '../../core/errors.ts';
import { reportStorageFailure, type Emit } from '../../core/events.ts';
import type { Storage } from '../../core/storage.ts';
import type { Issuer } from './issuer.ts';
import { formatHealth, parseHealth, type IssuerHealth } from './health-text.ts';

type Key = Pick<Issuer, 'issuer' | 'directory'>;

export interface IssuersHealthOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly emit: Emit;
}

/** next to the states of names, all of which have a dot before `.json` */
const KEY = 'state/issuers.json';
const SECOND_MS = 1_000;
/** Shorter than the pauses of a name after as many failures: a CA without an alternative is asked when a name is due. */
const PAUSES_MS: readonly number[] = [30, 60, 120, 240, 300].map((n) => n * SECOND_MS);
/** a CA is passed over for so long at most, even when it asks for more: limits are mostly about a name, and other names go on */
const LONGEST_LIMIT_MS = 3_600_000;
/** A rate limit concerns a name or a domain, until so many different names in a row have met one. */
const NAMES_FOR_A_LIMIT = 3;
const LONGEST_DETAIL_CHARS = 500;

/** the CA could not do what it was asked, and could not do anything else */
const OUTAGES: readonly string[] = ['ERR_ACME_UNREACHABLE', 'ERR_ACME_TIMEOUT', 'ERR_CERT_INVALID'];

interface Entry {
  readonly health: IssuerHealth;
  /** names that met a limit, without another name in between that did not */
  readonly limited: readonly string[];
}

const keyOf = ({ issuer, directory }: Key): string => directory ?? issuer;

/** The health of all issuers of one process. */
export class IssuersHealth {
  readonly #options: IssuersHealthOptions;
  readonly #entries = new Map<string, Entry>();
  #loaded: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: IssuersHealthOptions) {
    this.#options = options;
  }

  /** Reads what was kept, once. Does nothing when there is nothing, or nothing that can be understood. Never rejects. */
  load(): Promise<void> {
    this.#loaded ??= this.#read();
    return this.#loaded;
  }

  /** Until when the issuer is passed over; undefined when it may be asked. */
  passedOverUntil(issuer: Key): number | undefined {
    return this.#passedOverUntil(this.#entries.get(keyOf(issuer))?.health);
  }

  /** An order at that issuer has ended. An error that is not about the issuer does not count. Never rejects. */
  async record(issuer: Key, name: string, error?: LinkgateError): Promise<void> {
    // Our own budget held the order back: the CA was not asked and has shown nothing.
    if (error?.details.ownLimit === true) return;
    const { issuer: by, directory } = issuer;
    const before: Entry = this.#entries.get(keyOf(issuer)) ?? {
      health: { issuer: by, ...(directory === undefined ? {} : { directory }), failures: 0 },
      limited: [],
    };
    if (error === undefined) await this.#recordSuccess(issuer, before.health);
    else if (OUTAGES.includes(error.code)) await this.#set(issuer, this.#afterFailure(before, error));
    else if (error.code === 'ERR_ACME_RATE_LIMITED') {
      await this.#set(issuer, this.#afterLimit(before, name, error));
    }
  }

  /** Every issuer that was asked so far, in the order of the first time. */
  list(): readonly IssuerHealth[] {
    return [...this.#entries.values()].map(({ health }) => health);
  }

  async #recordSuccess(issuer: Key, { passedOverUntilMs, ...health }: IssuerHealth): Promise<void> {
    const nowMs = this.#options.clock.now();
    const wasDown = passedOverUntilMs !== undefined || health.failures > 0;
    const sinceMs = wasDown ? nowMs : (health.sinceMs ?? nowMs);
    const next = { ...health, failures: 0, sinceMs, lastSuccessMs: nowMs };
    // Two hundred certificates in a minute are not two hundred writes.
    const entry = { health: next, limited: [] };
    if (wasDown || health.lastSuccessMs === undefined) await this.#set(issuer, entry);
    else this.#entries.set(keyOf(issuer), entry);
  }

  #failureOf({ code, message }: LinkgateError): NonNullable<IssuerHealth['lastFailure']> {
    return { atMs: this.#options.clock.now(), code, detail: message.slice(0, LONGEST_DETAIL_CHARS) };
  }

  #afterLimit({ health, limited }: Entry, name: string, error: LinkgateError): Entry {
    const names = [...new Set([...limited, name])].slice(-NAMES_FOR_A_LIMIT);
    if (names.length === NAMES_FOR_A_LIMIT) return this.#afterFailure({ health, limited }, error);
    return { health: { ...health, lastFailure: this.#failureOf(error) }, limited: names };
  }

  #afterFailure({ health, limited }: Entry, error: LinkgateError): Entry {
    const nowMs = this.#options.clock.now();
    const lastFailure = this.#failureOf(error);
    // The other orders that were under way when the CA went down say nothing new.
    if (this.#passedOverUntil(health) !== undefined) {
      return { health: { ...health, lastFailure }, limited };
    }
    const failures = health.failures + 1;
    const askedMs = Math.min(error.details.retryAfterMs ?? 0, LONGEST_LIMIT_MS);
    const pauseMs = Math.max(PAUSES_MS[Math.min(failures, PAUSES_MS.length) - 1] ?? 0, askedMs);
    const sinceMs = health.failures > 0 ? (health.sinceMs ?? nowMs) : nowMs;
    const passedOverUntilMs = nowMs + pauseMs;
    return { health: { ...health, failures, sinceMs, lastFailure, passedOverUntilMs }, limited: [] };
  }

  #passedOverUntil(health: IssuerHealth | undefined): number | undefined {
    const untilMs = health?.passedOverUntilMs ?? 0;
    const nowMs = this.#options.clock.now();
    // A time further away than any that is set comes from a clock that was wrong.
    return untilMs > nowMs && untilMs <= nowMs + LONGEST_LIMIT_MS ? untilMs : undefined;
  }

  async #read(): Promise<void> {
    const { storage, emit } = this.#options;
    const text = await storage.read(KEY).catch((error: unknown) => reportStorageFailure(emit, error));
    for (const health of parseHealth(text?.toString('utf8') ?? '')) {
      const key = keyOf(health);
      if (!this.#entries.has(key)) this.#entries.set(key, { health, limited: [] });
    }
  }

  /** One write at a time, each of what is known when its turn comes. */
  #set(issuer: Key, entry: Entry): Promise<void> {
    const { storage, emit } = this.#options;
    this.#entries.set(keyOf(issuer), entry);
    this.#writing = this.#writing.then(() =>
      storage
        .write(KEY, formatHealth(this.list()))
        .catch((error: unknown) => reportStorageFailure(emit, error)),
    );
    return this.#writing;
  }
}

const iso = (ms: number | undefined): string | null => {
  const time = new Date(ms ?? Number.NaN);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
};

/** A row for each issuer of the configuration, in the order of the configuration. */
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
