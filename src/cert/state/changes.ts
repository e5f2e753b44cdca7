// Notes between processes on one storage that the certificate of a name changed. A command that stores one leaves a note, and every
// running proxy, on this machine or another, finds it within a second. A note names a domain and nothing else.

import { randomBytes } from 'node:crypto';
import type { Clock } from '../../core/platform/clock.ts';
import { isDomainName } from '../../core/domain-name.ts';
import { reportStorageFailure, type Emit } from '../../core/events.ts';
import { readWhereReadable, type Storage } from '../../core/storage.ts';

const FOLDER = 'changes';
const POLL_MS = 1_000;
/** a proxy that did not poll for so long was not running, and reads everything when it starts */
const KEPT_MS = 10 * 60_000;

/** Leaves a note that the certificate or the plan of `name` changed. @throws LinkgateError `ERR_STORAGE_UNAVAILABLE` */
export const announceChange = (storage: Storage, clock: Clock, name: string): Promise<void> =>
  storage.write(`${FOLDER}/${clock.now()}-${randomBytes(6).toString('hex')}`, name);

export interface ChangesOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly emit: Emit;
  /** called once for each note; what it throws is dropped */
  readonly onChange: (name: string) => void;
}

/**
 * Polls for notes until `signal` aborts; resolves then, never rejects. Notes from before the first poll say nothing new: a process
 * reads the storage when it starts.
 */
export const watchChanges = async (options: ChangesOptions, signal: AbortSignal): Promise<void> => {
  const { storage, clock, emit, onChange } = options;
  /** when each note was seen first, by this process */
  let seen: Map<string, number> | undefined;
  let isBroken = false;

  const report = async (key: string): Promise<void> => {
    const name = String((await readWhereReadable(storage, key)) ?? '');
    if (!isDomainName(name)) return;
    try {
      onChange(name);
    } catch {
      // Workers read the storage by themselves every few minutes.
    }
  };

  const poll = async (): Promise<void> => {
    const keys = await storage.list(FOLDER);
    const before = seen;
    const next = new Map<string, number>();
    let failure: unknown;
    for (const key of keys) {
      const seenMs = before?.get(key);
      if (seenMs === undefined && before !== undefined) await report(key);
      const sinceMs = seenMs ?? clock.now();
      // The age counts from when this process saw the note, not from the time that another machine wrote into it.
      if (Math.abs(clock.now() - sinceMs) > KEPT_MS) {
        // A note that cannot be removed hides no other one.
        await storage.remove(key).catch((error: unknown) => {
          failure = error;
        });
      }
      next.set(key, sinceMs);
    }
    seen = next;
    if (failure !== undefined) throw failure;
  };

  while (!signal.aborted) {
    try {
      await poll();
      isBroken = false;
    } catch (error) {
      if (!isBroken) reportStorageFailure(emit, error);
      isBroken = true;
    }
    await clock.sleep(POLL_MS, signal);
  }
};
