// A disk that is full, and one that turned read-only, under a renewal loop: the old certificate serves on, the failure is
// visible, recovery is by itself. On a real file system of a few pages.

import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ContextCache } from '../../../src/cert/serving/context-cache.ts';
import { createIssue } from '../../../src/cert/renewal/issue.ts';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import { Renewal } from '../../../src/cert/renewal/renewal-loop.ts';
import { createNameStates } from '../../../src/cert/state/name-state.ts';
import { createCertificateStore } from '../../../src/cert/state/store.ts';
import { createFileStorage } from '../../../src/storage/file.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { needsRoot } from '../../helpers/needs.ts';
import { recorder } from '../../helpers/recorder.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { until } from '../../helpers/until.ts';

const name = 'links.example.com';
const DAY = 86_400_000;

const smallDisk = (t: Test): string => {
  const path = tempDir(t);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k,mode=700', 'tmpfs', path]);
  t.teardown(() => execFileSync('umount', ['-l', path]));
  return path;
};

const setUp = async (t: Test) => {
  const disk = smallDisk(t);
  const clock = fakeClock(Date.now());
  const storage = createFileStorage({ path: join(disk, 'certs'), clock });
  await storage.open();
  const store = createCertificateStore({ storage });
  const { emit, of } = recorder();
  let orders = 0;
  const local = createLocalIssuer({ storage: createMemoryStorage(), keyType: 'ecdsa-p256', clock });
  const issuer: typeof local = {
    ...local,
    obtain: (asked, signal) => {
      orders += 1;
      return local.obtain(asked, signal);
    },
  };
  const renewal = new Renewal({
    names: [name],
    store,
    states: createNameStates({ storage, store, clock }),
    issue: createIssue({ storage, store, issuers: [issuer], clock, emit }),
    clock,
    random: () => 0,
    emit,
    onStored: () => undefined,
  });
  t.teardown(async () => {
    const stopping = renewal.stop();
    await clock.advance(10_000);
    await stopping;
  });
  renewal.start();
  const passing = (what: string, isSo: () => boolean, stepMs = 200): Promise<true> =>
    until(what, async () => {
      await clock.advance(stepMs);
      return isSo();
    });
  await passing('the first certificate', () => renewal.status()[0]?.state === 'live');
  const cache = new ContextCache({ store, clock, emit, maxContexts: 10 });
  return { disk, clock, store, renewal, of, passing, cache, orders: () => orders };
};

for (const fault of ['full', 'read-only'] as const) {
  t.test(`a disk that is ${fault}`, { skip: needsRoot() }, async (t) => {
    const { disk, clock, store, renewal, of, passing, cache, orders } = await setUp(t);
    const { context } = await cache.lookup(name);
    const serial = renewal.status()[0]?.serial;
    const filler = join(disk, 'filler');
    if (fault === 'read-only') execFileSync('mount', ['-o', 'remount,ro', disk]);
    else {
      t.throws(
        () => {
          for (let size = 65_536; ; size = Math.max(1, size >> 1)) {
            try {
              for (;;) writeFileSync(filler, Buffer.alloc(size), { flag: 'a' });
            } catch (error) {
              if (size === 1) throw error;
            }
          }
        },
        { code: 'ENOSPC' },
      );
    }
    clock.jump(clock.now() + 4 * DAY);
    await passing('the failure is reported', () => of('storage.failed').length > 0);
    t.match(of('certificate.failed')[0], { domain: name, code: 'ERR_STORAGE_UNAVAILABLE' });
    await passing('an hour of it', () => clock.now() > Date.now() + 4 * DAY + 3_600_000, 60_000);
    t.match(renewal.status(), [{ state: 'live', serial, lastProblem: { type: 'ERR_STORAGE_UNAVAILABLE' } }]);
    t.ok(orders() <= 2, `${orders()} orders: none is placed whose certificate cannot be kept`);
    await cache.refresh(name);
    t.equal((await cache.lookup(name)).context, context, 'the old one is served');
    t.equal((await store.read(name))?.serial, serial, 'and stored, whole');

    if (fault === 'read-only') execFileSync('mount', ['-o', 'remount,rw', disk]);
    else rmSync(filler);
    await passing('the renewal', () => renewal.status()[0]?.serial !== serial, 5_000);
    t.match(renewal.status(), [{ state: 'live', lastProblem: null }]);
    t.equal((await store.read(name))?.serial, renewal.status()[0]?.serial);
    t.notOk(
      readdirSync(join(disk, 'certs', 'certificates')).some((file) => file.startsWith('~')),
      'nothing half-written',
    );
  });
}
