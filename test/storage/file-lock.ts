import { once } from 'node:events';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import t from 'tap';
import { LEASE_MS, takeFileLock } from '../../src/storage/file-lock.ts';
import { processIdentity, type ProcessIdentity } from '../../src/storage/process-identity.ts';
import { fakeClock, type FakeClock } from '../helpers/fake-clock.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const forever = new AbortController().signal;
const self = await processIdentity();
const elsewhere: ProcessIdentity = { machine: 'boot elsewhere', pid: 7, startedAt: '1' };
/** a pid above the kernel's highest, so certainly nobody's */
const dead: ProcessIdentity = { ...self, pid: 2 ** 22 + 1 };

const ownedBy = (owner: ProcessIdentity): string =>
  JSON.stringify({ ...owner, id: 'x', updatedAt: '', beat: '' });

/** Moves the clock in small steps, letting the files be read in between, until the promise settles. */
const pass = async <T>(clock: FakeClock, promise: Promise<T>): Promise<T> => {
  const state = { settled: false };
  const done = promise.finally(() => (state.settled = true));
  done.catch(() => undefined);
  while (!state.settled) {
    // Only while it waits: files are read in real time, of which the clock must not count any.
    if (clock.sleepers().length > 0) await clock.advance(100);
    else await turn();
  }
  return done;
};

/** Moves on by one heartbeat and lets it be written. */
const beat = async (clock: FakeClock, path: string): Promise<boolean> => {
  const before = readFileSync(path, 'utf8');
  await clock.advance(8_000);
  while (clock.sleepers()[0] !== clock.now() + 8_000) await turn();
  return readFileSync(path, 'utf8') !== before;
};

t.test('of many who see one stale lock exactly one gets it', async (t) => {
  for (let round = 0; round < 30; round += 1) {
    const folder = join(tempDir(t), 'lock');
    mkdirSync(folder);
    writeFileSync(join(folder, '4'), ownedBy(dead));
    const clock = fakeClock();
    const patience = new AbortController();
    const attempts = Array.from({ length: 6 }, () =>
      takeFileLock({ folder, name: 'lock', clock, self, signal: patience.signal }),
    );
    const first = await Promise.race(attempts);
    await clock.advance(1_000);
    for (let turns = 0; turns < 50; turns += 1) await turn();
    patience.abort();
    const results = await Promise.allSettled(attempts);
    const held = results.filter(({ status }) => status === 'fulfilled');
    t.equal(held.length, 1, `round ${round}`);
    await first.release();
  }
});

t.test('a slow process that creates an old number finds the higher one and withdraws', async (t) => {
  const folder = join(tempDir(t), 'lock');
  mkdirSync(folder);
  writeFileSync(join(folder, '2'), ownedBy(dead));
  // While it judges the owner of generation 2, others take 3 and 4 and give them back, and one holds 5.
  let hasHappened = false;
  const slow: ProcessIdentity = {
    ...self,
    get machine() {
      if (!hasHappened) {
        hasHappened = true;
        writeFileSync(join(folder, '5'), ownedBy(elsewhere));
        rmSync(join(folder, '2'));
      }
      return self.machine;
    },
  };
  const patience = new AbortController();
  const clock = fakeClock();
  const waiting = takeFileLock({ folder, name: 'lock', clock, self: slow, signal: patience.signal });
  await clock.untilSleeping();
  t.ok(hasHappened);
  t.same(readdirSync(folder), ['5']);
  patience.abort();
  await t.rejects(
    waiting.then(() => undefined),
    { code: 'ERR_STORAGE_LOCKED' },
  );
});

t.test('a holder elsewhere that falls silent loses the lock after its lease, not before', async (t) => {
  const folder = join(tempDir(t), 'lock');
  mkdirSync(folder);
  writeFileSync(join(folder, '1'), ownedBy(elsewhere));
  const clock = fakeClock();
  const startMs = clock.now();
  const lock = await pass(clock, takeFileLock({ folder, name: 'lock', clock, self, signal: forever }));
  t.ok(clock.now() - startMs >= LEASE_MS, `${clock.now() - startMs} ms`);
  t.ok(clock.now() - startMs <= LEASE_MS + 2_000, `${clock.now() - startMs} ms`);
  await lock.release();
});

t.test('a wall clock that jumps does not break a lock that is held elsewhere', async (t) => {
  const folder = join(tempDir(t), 'lock');
  mkdirSync(folder);
  writeFileSync(join(folder, '1'), ownedBy(elsewhere));
  const clock = fakeClock();
  const patience = new AbortController();
  const waiting = takeFileLock({ folder, name: 'lock', clock, self, signal: patience.signal });
  await clock.untilSleeping();
  clock.jump(clock.now() + 365 * 86_400_000);
  await clock.advance(600);
  await clock.untilSleeping();
  patience.abort();
  await t.rejects(
    waiting.then(() => undefined),
    { code: 'ERR_STORAGE_LOCKED' },
  );
});

t.test('a heartbeat keeps the lock for as long as it is needed', async (t) => {
  const folder = join(tempDir(t), 'lock');
  const clock = fakeClock();
  const lock = await takeFileLock({ folder, name: 'lock', clock, self, signal: forever });
  for (let beats = 0; beats < 10; beats += 1) t.ok(await beat(clock, join(folder, '1')), 'renewed');
  t.equal(lock.signal.aborted, false);
  await lock.release();
  t.match(readFileSync(join(folder, '1'), 'utf8'), /released/);
  t.same(readdirSync(folder), ['1']);
});

t.test('a holder whose lock was taken over finds out and leaves it to the other', async (t) => {
  const folder = join(tempDir(t), 'lock');
  const clock = fakeClock();
  const lock = await takeFileLock({ folder, name: 'lock', clock, self, signal: forever });
  writeFileSync(join(folder, '2'), ownedBy(elsewhere));
  await clock.advance(8_000);
  if (!lock.signal.aborted) await once(lock.signal, 'abort');
  t.equal(lock.signal.aborted, true);
  t.match(lock.signal.reason, { code: 'ERR_STORAGE_LOCKED', message: 'lock "lock" was lost' });
  await lock.release();
  t.equal(readFileSync(join(folder, '2'), 'utf8'), ownedBy(elsewhere));
});

t.test('a holder that cannot renew gives up before anybody may take the lock', async (t) => {
  const root = tempDir(t);
  const folder = join(root, 'lock');
  const clock = fakeClock();
  const startMs = clock.now();
  const lock = await takeFileLock({ folder, name: 'lock', clock, self, signal: forever });
  let lostMs = 0;
  lock.signal.addEventListener('abort', () => (lostMs = clock.now() - startMs));
  renameSync(folder, join(root, 'elsewhere'));
  while (!lock.signal.aborted) {
    await clock.advance(500);
    await turn();
  }
  t.ok(lostMs > 0 && lostMs < LEASE_MS, `lost after ${lostMs} ms`);
  await lock.release();
});

t.test('a lock file that says nothing is waited for, then taken over', async (t) => {
  for (const content of ['', '{', '{"pid":"x"}', 'null']) {
    const folder = join(tempDir(t), 'lock');
    mkdirSync(folder);
    writeFileSync(join(folder, '1'), content);
    const clock = fakeClock();
    const startMs = clock.now();
    const lock = await pass(clock, takeFileLock({ folder, name: 'lock', clock, self, signal: forever }));
    t.ok(clock.now() - startMs >= LEASE_MS);
    await lock.release();
  }
});

t.test('a holder that cannot be read keeps the lock for as long as it replaces its file', async (t) => {
  const folder = join(tempDir(t), 'lock');
  for (const spoil of [
    (path: string) => symlinkSync(path, path),
    (path: string) => mkdirSync(join(path, 'below'), { recursive: true }),
  ]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    spoil(join(folder, '3'));
    const clock = fakeClock();
    const early = new AbortController();
    const waiting = takeFileLock({ folder, name: 'lock', clock, self, signal: early.signal });
    const startedMs = clock.now();
    const lock = await pass(clock, waiting);
    t.ok(clock.now() - startedMs >= LEASE_MS, 'not before the lease ran out');
    await lock.release();
  }
});
