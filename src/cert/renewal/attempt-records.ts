// The books of the renewal loop: what the storage says of each name, read once and kept up to date. Between the loop
// (renewal-loop.ts) and the store; must not decide when anything is ordered.

import type { Clock } from '../../core/platform/clock.ts';
import { LinkgateError, toLinkgateError } from '../../core/errors.ts';
import type { Emit } from '../../core/events.ts';
import { isUnreadable } from '../../core/storage.ts';
import type { CaClock } from '../issuers/ca-clock.ts';
import { lastProblemOf } from '../state/last-problem.ts';
import { MOST_AT_ONCE, NOTHING_YET, type Entry } from './entry.ts';
import type { CertificateStore, IssuanceState, KnownCertificate, StoredCertificate } from '../state/store.ts';

export interface RecordsOptions {
  readonly store: Pick<CertificateStore, 'read' | 'glance' | 'listStates' | 'readState' | 'writeState'>;
  readonly clock: Clock & Partial<Pick<CaClock, 'learn'>>;
  readonly emit: Emit;
}

export interface Records {
  /**
   * Reads what the storage knows of `unknown`: nothing can be decided about a name before. Those that cannot be read are
   * left for later and do not hold up the others. Of {@link MANY} or more, certificates are only glanced at: `inspect` them
   * later. Never rejects.
   * @param onKnown - told of each as it is read
   */
  readUnknown(
    unknown: readonly Entry[],
    signal: AbortSignal,
    onKnown: (entry: Entry, isGlance: boolean) => void,
  ): Promise<void>;
  /** when `readUnknown` looks again */
  readAtMs(): number;
  /** `readUnknown` looks at once */
  readSoon(): void;
  /** Whether what was only glanced at cannot be served after all; it is then known as none. Never rejects. */
  inspect(entry: Entry): Promise<boolean>;
  know(entry: Entry, certificate: StoredCertificate): void;
  /** keeps the state in memory whatever happens, and in the storage when that works. Never rejects. */
  remember(entry: Entry, state: IssuanceState): Promise<void>;
}

const FIRST_READ_PAUSE_MS = 2_000;
const LONGEST_READ_PAUSE_MS = 60_000;
/** so many names are read by a glance, beside the orders of those that are read already */
export const MANY = 500;
/** their keys may stand under a digest (cert/state/name-key.ts), which no list tells */
const LONG_NAME = 200;

export const isStorageCode = ({ code }: Pick<LinkgateError, 'code'>): boolean =>
  code.startsWith('ERR_STORAGE_');

/** The wish is for the very certificate beside it: one copy of its name is enough. */
const withSharedFingerprint = (
  state: IssuanceState | undefined,
  certificate: KnownCertificate | undefined,
): IssuanceState | undefined =>
  state?.renewal === undefined || state.renewal.fingerprint !== certificate?.fingerprint
    ? state
    : { ...state, renewal: { ...state.renewal, fingerprint: certificate.fingerprint } };

export const createRecords = ({ store, clock, emit }: RecordsOptions): Records => {
  let readAtMs = 0;
  let readPauseMs = FIRST_READ_PAUSE_MS;
  /** one copy of what very many have in common */
  const words = new Map<string, string>();
  const sharedWord = (word: string): string => {
    if (!words.has(word)) words.set(word, word);
    return words.get(word) ?? word;
  };

  const tellStorage = ({ code, message }: LinkgateError): void => emit('storage.failed', { code, message });

  const keep = (entry: Entry, certificate: KnownCertificate): void => {
    const { source, issuer, directory, serial, fingerprint, notBeforeMs, notAfterMs } = certificate;
    entry.certificate = {
      domain: entry.name,
      source,
      issuer: sharedWord(issuer),
      ...(directory === undefined ? {} : { directory: sharedWord(directory) }),
      serial,
      fingerprint,
      notBeforeMs,
      notAfterMs,
    };
    // Only a CA's word is better than this machine's clock.
    if (source === 'acme') clock.learn?.(notBeforeMs);
  };

  const broken = (entry: Entry, error: unknown): void => {
    if (!(error instanceof LinkgateError) || isStorageCode(error)) throw error;
    // It is ordered anew, at once.
    emit('context.failed', { domain: entry.name, code: error.code, message: error.message });
    entry.certificate = undefined;
  };

  const read = async (entry: Entry, states: ReadonlySet<string> | undefined): Promise<void> => {
    const { name } = entry;
    const hasState = states === undefined || states.has(name) || name.length > LONG_NAME;
    const state = hasState ? await store.readState(name) : undefined;
    try {
      const certificate = states === undefined ? await store.read(name) : await store.glance(name);
      if (certificate === undefined) entry.certificate = undefined;
      else keep(entry, certificate);
    } catch (error) {
      broken(entry, error);
    }
    entry.state = withSharedFingerprint(state, entry.certificate);
    entry.isKnown = true;
  };

  const pause = (): void => {
    readAtMs = clock.now() + readPauseMs;
    readPauseMs = Math.min(readPauseMs * 2, LONGEST_READ_PAUSE_MS);
  };

  const failed = (error: LinkgateError): void => {
    tellStorage(error);
    pause();
  };

  /**
   * A name whose own file cannot be read: the storage works, so nobody else waits. It is not ordered, because what is in the file
   * may be somebody's import; a person sees what to do.
   */
  const unreadable = (entry: Entry, error: LinkgateError): void => {
    const { name, state = NOTHING_YET } = entry;
    const { code, message } = error;
    const lastProblem = lastProblemOf(error, clock.now());
    if (state.lastProblem?.detail !== lastProblem.detail)
      emit('context.failed', { domain: name, code, message });
    entry.state = { ...state, failures: Math.max(1, state.failures), lastProblem };
  };

  /** One that is further away than any pause comes from a clock that was wrong. */
  const pausedUntilMs = (): number => (readAtMs > clock.now() + LONGEST_READ_PAUSE_MS ? 0 : readAtMs);

  return {
    readAtMs: pausedUntilMs,
    readSoon: () => {
      readAtMs = 0;
    },
    know: keep,
    readUnknown: async (unknown, signal, onKnown) => {
      if (unknown.length === 0 || clock.now() < pausedUntilMs()) return;
      let states: ReadonlySet<string> | undefined;
      try {
        if (unknown.length >= MANY) states = await store.listStates();
      } catch (error) {
        return failed(toLinkgateError(error, 'ERR_STORAGE_UNAVAILABLE'));
      }
      const queue = unknown.values();
      const failures: LinkgateError[] = [];
      let successes = 0;
      let alone = 0;
      const reader = async (): Promise<void> => {
        for (const entry of queue) {
          const isDown = successes === 0 && failures.length >= MOST_AT_ONCE;
          if (signal.aborted || isDown) return;
          try {
            await read(entry, states);
            successes += 1;
            onKnown(entry, states !== undefined);
          } catch (error) {
            const failure = toLinkgateError(error, 'ERR_STORAGE_UNAVAILABLE');
            if (isUnreadable(failure)) {
              alone += 1;
              unreadable(entry, failure);
            } else failures.push(failure);
          }
        }
      };
      await Promise.all(Array.from({ length: MOST_AT_ONCE }, reader));
      if (failures[0] !== undefined) failed(failures[0]);
      else if (alone > 0) pause();
      else readPauseMs = FIRST_READ_PAUSE_MS;
    },
    inspect: async (entry) => {
      if (entry.certificate === undefined) return false;
      const { fingerprint } = entry.certificate;
      try {
        await store.read(entry.name);
        return false;
      } catch (error) {
        const isSame = entry.isKnown && !entry.isRunning && entry.certificate?.fingerprint === fingerprint;
        if (!(error instanceof LinkgateError) || isStorageCode(error) || !isSame) return false;
        broken(entry, error);
        return true;
      }
    },
    remember: async (entry, state) => {
      entry.state = state;
      try {
        await store.writeState(entry.name, state);
      } catch (error) {
        tellStorage(toLinkgateError(error, 'ERR_STORAGE_UNAVAILABLE'));
      }
    },
  };
};
