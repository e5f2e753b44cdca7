// kill -9 of a supervisor in each state of an order: the store loads, the next supervisor finishes, and no order is placed that the
// kill did not force.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { createCertificateStore } from '../../../../src/cert/state/store.ts';
import { systemClock } from '../../../../src/core/platform/clock.ts';
import { createFileStorage } from '../../../../src/storage/file.ts';
import { acmeCa } from '../../../helpers/acme-ca.ts';
import type { Step } from '../../../helpers/acme-ca/faults.ts';
import { challengeServer } from '../../../helpers/challenge-server.ts';
import { createSupervisor, supervisorChild } from '../../../helpers/supervisor-child.ts';
import { tempDir } from '../../../helpers/temp-dir.ts';
import { until } from '../../../helpers/until.ts';

const name = 'links.example.com';

interface Moment {
  readonly what: string;
  /** killed while the CA answers this step */
  readonly step?: Step;
  /** killed by itself at this event */
  readonly event?: string;
  /** placed in the end */
  readonly orders: number;
}

const MOMENTS: readonly Moment[] = [
  { what: 'account made', step: 'newAccount', orders: 1 },
  { what: 'order placed', step: 'newOrder', orders: 2 },
  { what: 'challenge presented', step: 'challenge', orders: 2 },
  { what: 'validated', step: 'finalize', orders: 2 },
  { what: 'finalized', step: 'certificate', orders: 2 },
  { what: 'downloaded', event: 'order.completed', orders: 2 },
  { what: 'stored', event: 'certificate.issued', orders: 1 },
];

const killedAt = async (t: Test, { what, step, event, orders }: Moment): Promise<void> => {
  const path = tempDir(t);
  const storage = createFileStorage({ path, clock: systemClock });
  await storage.open();
  const ca = await acmeCa(t, { httpPort: await challengeServer(t, storage) });
  const child = fork(supervisorChild, [path, ca.directory, ca.caFile, name], {
    env: { ...process.env, KILL_AT: event ?? '' },
  });
  t.teardown(() => child.kill('SIGKILL'));
  if (step !== undefined) {
    ca.faults.set(step, () => {
      child.kill('SIGKILL');
      return undefined;
    });
  }
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  t.equal(signal, 'SIGKILL', `${what}: killed`);
  ca.faults.clear();
  const placed = ca.orders().length;
  const store = createCertificateStore({ storage });
  const left = await store.read(name);
  t.equal(left !== undefined, event === 'certificate.issued', `${what}: the store loads, whole or without`);

  const startMs = performance.now();
  const heir = createSupervisor({ storage, ca, names: [name], emit: () => undefined });
  heir.start();
  await until(`${what}: the heir finishes`, () => heir.status()[0]?.state === 'live', 60_000);
  const tookMs = performance.now() - startMs;
  for (let turns = 0; turns < 50; turns += 1) await turn();
  await heir.stop();
  t.ok(tookMs < 25_000, `${what}: without waiting for any lease (${Math.round(tookMs)} ms)`);
  t.equal(ca.orders().length, orders, `${what}: ${placed} before the kill`);
  t.equal(ca.accounts().length, 1, `${what}: one account`);
  t.equal((await store.read(name))?.serial, heir.status()[0]?.serial, `${what}: stored`);
  t.same(await storage.list('challenges'), [], `${what}: no answer is left`);
};

t.test('whatever it was doing', { timeout: 120_000 }, async (t) => {
  const queue = MOMENTS.values();
  const worker = async (): Promise<void> => {
    for (const moment of queue) await killedAt(t, moment);
  };
  await Promise.all(Array.from({ length: 3 }, worker));
});
