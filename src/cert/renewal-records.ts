// The books of the renewal loop: what the storage says of each name, read once and kept up to date. Between the loop
// (renew.ts) and the store; must not decide when anything is ordered.

import type { Clock } from '../core/clock.ts';
import { GateError, toGateError } from '../core/errors.ts';
import type { Emit } from '../core/events.ts';
import type { CaClock } from './ca-clock.ts';
import type { KnownCertificate } from './domain.ts';
import { MOST_AT_ONCE, type Entry } from './renewal-entry.ts';
import type { CertificateStore, IssuanceState, StoredCertificate } from './store.ts';

export interface RecordsOptions {
  readonly store: Pick<CertificateStore, 'read' | 'readState' | 'writeState'>;
  readonly clock: Clock & Partial<Pick<CaClock, 'learn'>>;
  readonly emit: Emit;
}

export interface Records {
  /**
   * Reads what the storage knows of `unknown`: nothing can be decided about a name before. Those that cannot be read are
   * left for later and do not hold up the others. Never rejects.
   */
  readUnknown(unknown: readonly Entry[], signal: AbortSignal): Promise<void>;
  /** when `readUnknown` looks again */
  readAtMs(): number;
  /** `readUnknown` looks at once */
  readSoon(): void;
  know(entry: Entry, certificate: StoredCertificate): void;
  /** keeps the state in memory whatever happens, and in the storage when that works. Never rejects. */
  remember(entry: Entry, state: IssuanceState): Promise<void>;
}

const FIRST_READ_PAUSE_MS = 2_000;
const LONGEST_READ_PAUSE_MS = 60_000;

export const isStorageCode = ({ code }: Pick<GateError, 'code'>): boolean => code.startsWith('ERR_STORAGE_');

const withoutSecrets = ({ keyPem: _key, chainPem: _chain, ...known }: StoredCertificate): KnownCertificate =>
  known;

export const createRecords = ({ store, clock, emit }: RecordsOptions): Records => {
  let readAtMs = 0;
  let readPauseMs = FIRST_READ_PAUSE_MS;

  const tellStorage = ({ code, message }: GateError): void => emit('storage.failed', { code, message });

  const know = (entry: Entry, certificate: StoredCertificate): void => {
    entry.certificate = withoutSecrets(certificate);
    // Only a CA's word is better than this machine's clock.
    if (certificate.source === 'acme') clock.learn?.(certificate.notBeforeMs);
  };

  const read = async (entry: Entry): Promise<void> => {
    try {
      const state = await store.readState(entry.name);
      if (state === undefined) delete entry.state;
      else entry.state = state;
      const certificate = await store.read(entry.name);
      if (certificate === undefined) delete entry.certificate;
      else know(entry, certificate);
    } catch (error) {
      if (!(error instanceof GateError) || isStorageCode(error)) throw error;
      // It is ordered anew, at once.
      emit('context.failed', { domain: entry.name, code: error.code, message: error.message });
    }
    entry.isKnown = true;
  };

  return {
    readAtMs: () => readAtMs,
    readSoon: () => {
      readAtMs = 0;
    },
    know,
    readUnknown: async (unknown, signal) => {
      if (unknown.length === 0 || clock.now() < readAtMs) return;
      const queue = unknown.values();
      const failures: GateError[] = [];
      let successes = 0;
      const reader = async (): Promise<void> => {
        for (const entry of queue) {
          const isDown = successes === 0 && failures.length >= MOST_AT_ONCE;
          if (signal.aborted || isDown) return;
          try {
            await read(entry);
            successes += 1;
          } catch (error) {
            failures.push(toGateError(error, 'ERR_STORAGE_UNAVAILABLE'));
          }
        }
      };
      await Promise.all(Array.from({ length: MOST_AT_ONCE }, reader));
      if (failures[0] === undefined) return;
      tellStorage(failures[0]);
      readAtMs = clock.now() + readPauseMs;
      readPauseMs = Math.min(readPauseMs * 2, LONGEST_READ_PAUSE_MS);
    },
    remember: async (entry, state) => {
      entry.state = state;
      try {
        await store.writeState(entry.name, state);
      } catch (error) {
        tellStorage(toGateError(error, 'ERR_STORAGE_UNAVAILABLE'));
      }
    },
  };
};
