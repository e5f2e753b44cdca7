// The renewal loop against a real CA and a real folder: two supervisors at once, and one that is killed.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { Renewal } from '../../../../src/cert/renewal/renewal-loop.ts';
import { createCertificateStore } from '../../../../src/cert/state/store.ts';
import { systemClock } from '../../../../src/core/platform/clock.ts';
import type { EventName } from '../../../../src/core/events.ts';
import { createFileStorage } from '../../../../src/storage/file.ts';
import { challengeServer } from '../../../helpers/challenge-server.ts';
import { createSupervisor, supervisorChild } from '../../../helpers/supervisor-child.ts';
import { needs } from '../../../helpers/needs.ts';
import { pebble } from '../../../helpers/pebble.ts';
import { recorder } from '../../../helpers/recorder.ts';
import { tempDir } from '../../../helpers/temp-dir.ts';
import { until } from '../../../helpers/until.ts';

const live = (renewal: Renewal, names: readonly string[]): Promise<true> =>
  until(
    'all are live',
    () => renewal.status().filter(({ state }) => state === 'live').length === names.length,
    60_000,
  );

t.test('with Pebble and files', { skip: needs('pebble') }, async (t) => {
  await t.test('every name is ordered once, and a restart orders nothing', async (t) => {
    const storage = createFileStorage({ path: tempDir(t), clock: systemClock });
    await storage.open();
    const ca = await pebble(t, { httpPort: await challengeServer(t, storage), nonceReject: 20 });
    const names = Array.from({ length: 12 }, (_, index) => `n${index}.example.com`);
    const { emit, of } = recorder();
    const told: string[] = [];
    const first = createSupervisor({ storage, ca, names, emit, onStored: (name) => void told.push(name) });
    const rival = createSupervisor({ storage, ca, names, emit });
    first.start();
    rival.start();
    await Promise.all([live(first, names), live(rival, names)]);
    await Promise.all([first.stop(), rival.stop()]);
    t.equal(ca.orders(), 12, 'two supervisors on one storage place one order a name');
    t.equal(of('certificate.issued').length, 12);
    t.same(told.toSorted(), names.toSorted());
    t.equal(ca.accounts(), 1);
    t.same(await storage.list('challenges'), []);

    const again = createSupervisor({ storage, ca, names, emit });
    again.start();
    await live(again, names);
    await again.stop();
    t.equal(ca.orders(), 12);
  });

  await t.test(
    'a supervisor killed while the CA validates: the next one finishes, the store is whole',
    async (t) => {
      const path = tempDir(t);
      const storage = createFileStorage({ path, clock: systemClock });
      await storage.open();
      const doomed: { child?: ReturnType<typeof fork> } = {};
      const httpPort = await challengeServer(t, storage, () => doomed.child?.kill('SIGKILL'));
      const ca = await pebble(t, { httpPort });
      const names = ['a.example.com', 'b.example.com', 'c.example.com'];
      const args = [path, ca.directory, ca.caFile, ...names];
      const child = fork(supervisorChild, args);
      doomed.child = child;
      t.teardown(() => child.kill('SIGKILL'));
      await once(child, 'exit');
      delete doomed.child;
      t.ok(ca.orders() > 0, 'it was in the middle of an order');
      const store = createCertificateStore({ storage });
      for (const name of names) await store.read(name);

      const startMs = Date.now();
      const heir = fork(supervisorChild, args);
      t.teardown(() => heir.kill('SIGKILL'));
      let issued = 0;
      heir.on('message', (event: EventName) => (issued += event === 'certificate.issued' ? 1 : 0));
      const missing = async (): Promise<boolean> =>
        (await Promise.all(names.map((name) => store.read(name)))).includes(undefined);
      await until('the heir has finished', async () => !(await missing()), 60_000);
      t.ok(Date.now() - startMs < 25_000, 'without waiting for any lease');
      heir.kill('SIGKILL');
      await once(heir, 'exit');
      t.equal(ca.accounts(), 1);
      const rests = readdirSync(join(path, 'certificates')).filter((file) => file.startsWith('~'));
      t.ok(rests.length <= 1, 'at most one half-written file, which the next open clears away');
    },
  );
});
