// A process of its own on a file storage, forked by tests that kill it or let several compete:
// `fork(storageChild, [FOLDER, DEED, …])`. It sends one message when it got going.

import { fileURLToPath } from 'node:url';
import { systemClock } from '../../src/core/platform/clock.ts';
import { createFileStorage } from '../../src/storage/file.ts';

export const storageChild = fileURLToPath(import.meta.url);

/** What `write` writes: as long as told, each byte the same, so that a torn value shows. */
const wholeValue = (round: number): Buffer => Buffer.alloc(200_000, 97 + (round % 26));

const deeds: Record<string, (folder: string, argument: string) => Promise<void>> = {
  /** writes `key` over and over */
  write: async (folder, key) => {
    const storage = createFileStorage({ path: folder, clock: systemClock });
    for (let round = 0; ; round += 1) {
      await storage.write(key, wholeValue(round));
      if (round === 3) process.send?.('ready');
    }
  },
  /** takes a lock and keeps it until killed */
  hold: async (folder, name) => {
    const storage = createFileStorage({ path: folder, clock: systemClock });
    await storage.lock(name, new AbortController().signal);
    process.send?.('ready');
  },
  /** adds one to the value `counter` so many times, each under the lock */
  count: async (folder, times) => {
    const storage = createFileStorage({ path: folder, clock: systemClock });
    for (let round = 0; round < Number(times); round += 1) {
      const lock = await storage.lock('counter', new AbortController().signal);
      const before = Number(String((await storage.read('counter')) ?? '0'));
      await storage.write('counter', String(before + 1));
      await lock.release();
    }
    process.disconnect();
  },
};

const [script, folder, deed, argument] = process.argv.slice(1);
if (script === storageChild) await deeds[deed ?? '']?.(folder ?? '', argument ?? '');
