// Locks between processes and machines on one folder. A lock is a folder of numbered files, its generations; the highest
// generation says who holds the lock. To take over a stale lock is the hard part. It follows three rules:
//   1. a process that wants a free or stale lock creates the next generation, and only one process can create a file;
//   2. the highest generation is never removed, so no number is used twice; a slow process that creates an old number
//      finds a higher one next to it, and withdraws;
//   3. no process removes or rewrites the highest generation of another: a holder that lost its lock only finds out.

import { randomBytes } from 'node:crypto';
import { link, lstat, mkdir, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../core/platform/clock.ts';
import { withTimeout } from '../core/platform/deadline.ts';
import { LinkgateError } from '../core/errors.ts';
import type { Lock } from '../core/storage.ts';
import { codeOf, isOfOneFile } from './file-fault.ts';
import { readWhole } from './file-read.ts';
import { replaceFile, temporaryPath, writeNew } from './file-write.ts';
import { isGone, type ProcessIdentity } from './process-identity.ts';

/** A lock whose file did not change for this time is stale. */
export const LEASE_MS = 30_000;
const HEARTBEAT_MS = 8_000;
/** after this time without a renewal the holder gives up, long before another process may take the lock */
const SURRENDER_MS = 20_000;
const RENEWAL_RETRY_MS = 2_000;
const SHORTEST_WAIT_MS = 15;
const LONGEST_WAIT_MS = 500;

const RELEASED = '{"released":true}\n';
const GENERATION = /^[1-9]\d{0,14}$/;

interface Owner extends ProcessIdentity {
  /** random: distinguishes two locks of one process */
  readonly id: string;
}

const asOwner = (content: string): Owner | 'released' | undefined => {
  try {
    const value = JSON.parse(content) as Partial<Record<string, unknown>> | null;
    if (value?.['released'] === true) return 'released';
    const { machine, pid, startedAt, id } = value ?? {};
    return typeof machine === 'string' &&
      typeof pid === 'number' &&
      Number.isSafeInteger(pid) &&
      pid > 0 &&
      typeof startedAt === 'string' &&
      typeof id === 'string'
      ? { machine, pid, startedAt, id }
      : undefined;
  } catch {
    return undefined;
  }
};

const generations = async (folder: string): Promise<readonly number[]> =>
  (await readdir(folder)).filter((name) => GENERATION.test(name)).map(Number);

const highestOf = async (folder: string): Promise<number> => Math.max(0, ...(await generations(folder)));

/**
 * The content of a generation; undefined when a higher one has replaced it. For a file that cannot be read, the result changes when
 * its holder replaces the file, which is all that the lease needs.
 */
const contentOf = async (folder: string, generation: number): Promise<string | undefined> => {
  const path = join(folder, String(generation));
  try {
    return (await readWhole(path)).toString('utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    if (!isOfOneFile(error) && codeOf(error) !== 'EISDIR') throw error;
    return lstat(path).then(
      ({ ino, mtimeMs }) => `unreadable ${ino} ${mtimeMs}`,
      () => undefined,
    );
  }
};

export interface FileLockOptions {
  /** the folder of this one lock; its parent exists */
  readonly folder: string;
  readonly name: string;
  readonly clock: Clock;
  readonly self: ProcessIdentity;
  readonly signal: AbortSignal;
}

/**
 * Takes the lock of `folder`, and waits for it until `signal` aborts. The waiter counts the time without a heartbeat by its own
 * timer: a clock that jumps, or that differs between machines, breaks no lock.
 * @throws LinkgateError `ERR_STORAGE_LOCKED` when `signal` aborted first; errors of the file system as they are
 */
export const takeFileLock = async (options: FileLockOptions): Promise<Lock> => {
  const { folder, name, clock, self, signal } = options;
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
  let seen: string | undefined;
  let unchangedMs = 0;
  let waitMs = SHORTEST_WAIT_MS;
  while (!signal.aborted) {
    const highest = await highestOf(folder);
    const content = highest === 0 ? RELEASED : await contentOf(folder, highest);
    if (content !== undefined) {
      const sighting = `${highest} ${content}`;
      if (sighting !== seen) unchangedMs = 0;
      seen = sighting;
      if (unchangedMs >= LEASE_MS || (await isFree(content, self))) {
        const lock = await claim(options, highest + 1);
        if (lock !== undefined) return lock;
      }
    }
    await clock.sleep(waitMs, signal);
    unchangedMs += waitMs;
    waitMs = Math.min(waitMs * 1.5, LONGEST_WAIT_MS);
  }
  throw new LinkgateError('ERR_STORAGE_LOCKED', `lock "${name}" was not free in time`, {
    cause: signal.reason,
  });
};

const isFree = async (content: string, self: ProcessIdentity): Promise<boolean> => {
  const owner = asOwner(content);
  if (owner === 'released') return true;
  return owner !== undefined && isGone(owner, self);
};

/** Creates a generation; undefined when another process was faster. */
const claim = async (options: FileLockOptions, generation: number): Promise<Lock | undefined> => {
  const { folder, clock, self } = options;
  const path = join(folder, String(generation));
  const id = randomBytes(12).toString('hex');
  const content = (): string =>
    `${JSON.stringify({ ...self, id, updatedAt: new Date(clock.now()).toISOString(), beat: randomBytes(4).toString('hex') })}\n`;

  // A hard link appears with its whole content, and fails when the name exists, on network file systems too.
  const temporary = temporaryPath(folder);
  await writeNew(temporary, content());
  try {
    await link(temporary, path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return undefined;
    throw error;
  } finally {
    await unlink(temporary).catch(() => {});
  }
  const all = await generations(folder);
  const withdraw = Math.max(...all) > generation;
  await Promise.all(
    all
      .filter((other) => other < generation || (withdraw && other === generation))
      .map((other) => unlink(join(folder, String(other))).catch(() => {})),
  );
  return withdraw ? undefined : hold(options, { generation, path, content });
};

/** Renews the lock until it is released or lost. */
const hold = (
  { folder, name, clock }: FileLockOptions,
  own: { readonly generation: number; readonly path: string; readonly content: () => string },
): Lock => {
  const lost = new AbortController();
  const ended = new AbortController();
  const lose = (cause?: unknown): void =>
    lost.abort(new LinkgateError('ERR_STORAGE_LOCKED', `lock "${name}" was lost`, { cause }));

  const renew = async (): Promise<'renewed' | 'taken'> => {
    if ((await highestOf(folder)) !== own.generation) return 'taken';
    await replaceFile(own.path, own.content());
    return (await highestOf(folder)) === own.generation ? 'renewed' : 'taken';
  };

  const beat = async (): Promise<void> => {
    let sinceRenewalMs = 0;
    let pauseMs = HEARTBEAT_MS;
    for (;;) {
      await clock.sleep(pauseMs, ended.signal);
      if (ended.signal.aborted) return;
      sinceRenewalMs += pauseMs;
      const allowedMs = Math.max(0, SURRENDER_MS - sinceRenewalMs);
      let failure: unknown;
      const renewal = renew().catch((error: unknown) => {
        failure = error;
        return 'failed' as const;
      });
      const late = (): 'late' => 'late';
      const result = await withTimeout(renewal, { clock, limitMs: allowedMs, signal: ended.signal, late });
      if (ended.signal.aborted) return;
      if (result === 'renewed') [sinceRenewalMs, pauseMs] = [0, HEARTBEAT_MS];
      else if (result === 'failed' && sinceRenewalMs + RENEWAL_RETRY_MS < SURRENDER_MS) {
        pauseMs = RENEWAL_RETRY_MS;
      } else return lose(failure);
    }
  };
  const beating = beat();

  const release = async (): Promise<void> => {
    if (ended.signal.aborted) return;
    ended.abort();
    await beating;
    if (lost.signal.aborted) return;
    try {
      // Rule 3: never rewrite after a loss. A lock that cannot be marked as released ends with its lease.
      if ((await highestOf(folder)) === own.generation) await replaceFile(own.path, RELEASED);
    } catch {}
  };

  return { signal: lost.signal, release };
};
