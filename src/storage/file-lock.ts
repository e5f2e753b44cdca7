// Locks between processes and machines on one folder. A lock is a folder of numbered files, its generations; the highest
// one says who holds it. The takeover of a stale lock is the hard part, and rests on three rules:
//   1. whoever wants a free or stale lock creates the next generation, and only one process can create a file;
//   2. the highest generation is never removed, so numbers never come round again and a slow process that creates an
//      old number afterwards finds a higher one beside it, and withdraws;
//   3. nobody ever removes or rewrites the highest generation of another: a holder that lost its lock only finds out.

import { randomBytes } from 'node:crypto';
import { link, lstat, mkdir, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../core/platform/clock.ts';
import { LinkgateError } from '../core/errors.ts';
import type { Lock } from '../core/storage.ts';
import { codeOf, isOfOneFile } from './file-fault.ts';
import { readWhole } from './file-read.ts';
import { replaceFile, temporaryPath, writeNew } from './file-write.ts';
import { isGone, type ProcessIdentity } from './process-identity.ts';

/** A lock whose file stood unchanged for so long is stale, whoever held it. */
export const LEASE_MS = 30_000;
const HEARTBEAT_MS = 8_000;
/** after this long without a renewal the holder gives up, well before anybody may take the lock over */
const SURRENDER_MS = 20_000;
const RENEWAL_RETRY_MS = 2_000;
const SHORTEST_WAIT_MS = 15;
const LONGEST_WAIT_MS = 500;

const RELEASED = '{"released":true}\n';
const GENERATION = /^[1-9]\d{0,14}$/;

interface Owner extends ProcessIdentity {
  /** random: tells two locks of one process apart */
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
 * The content of a generation; undefined when a higher one has replaced it meanwhile. Of one that cannot be read it is known
 * whether its holder still replaces it, which is all that the lease needs.
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
 * Takes the lock of `folder`, waiting until `signal` aborts. Time without a heartbeat is counted by the waiter's own
 * timer, so that neither a clock that jumps nor one that differs between machines breaks a lock that is held.
 * @throws LinkgateError `ERR_STORAGE_LOCKED` when `signal` aborted first; file system errors as they are
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

/** Creates a generation; undefined when another was faster. */
const claim = async (options: FileLockOptions, generation: number): Promise<Lock | undefined> => {
  const { folder, clock, self } = options;
  const path = join(folder, String(generation));
  const id = randomBytes(12).toString('hex');
  const content = (): string =>
    `${JSON.stringify({ ...self, id, updatedAt: new Date(clock.now()).toISOString(), beat: randomBytes(4).toString('hex') })}\n`;

  // A link appears with its content whole and fails when the name is taken, on network file systems too.
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

/** Keeps the heartbeat going until the lock is given back or lost. */
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
      const given = new AbortController();
      const result = await Promise.race([
        renew().catch((error: unknown) => {
          failure = error;
          return 'failed' as const;
        }),
        clock.sleep(allowedMs, AbortSignal.any([ended.signal, given.signal])).then(() => 'late' as const),
      ]);
      given.abort();
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
      // Never rewrite after a loss: rule 3. What cannot be marked as released runs out with its lease.
      if ((await highestOf(folder)) === own.generation) await replaceFile(own.path, RELEASED);
    } catch {}
  };

  return { signal: lost.signal, release };
};
