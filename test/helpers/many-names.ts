// Two hundred names at once at one CA, asked for three times each, by two that share a storage: each is ordered once. Run on
// both CAs (test/cert/issue-many*.ts), in files of their own so that neither is long.

import { setMaxListeners } from 'node:events';
import type { Test } from 'tap';
import { createIssue } from '../../src/cert/renewal/issue.ts';
import { AcmeIssuer } from '../../src/cert/acme/acme-issuer.ts';
import { IssuersHealth } from '../../src/cert/issuers/issuer-health.ts';
import { createCertificateStore } from '../../src/cert/state/store.ts';
import { systemClock } from '../../src/core/platform/clock.ts';
import { createFileStorage } from '../../src/storage/file.ts';
import { challengeServer } from './challenge-server.ts';
import { recorder } from './recorder.ts';
import { tempDir } from './temp-dir.ts';

const forever = new AbortController().signal;
setMaxListeners(0, forever);
const NAMES = Array.from({ length: 200 }, (_, index) => `n${index}.example.com`);
const AT_ONCE = 25;

/** What is looked at of either CA. */
interface CountingCa {
  readonly directory: string;
  readonly caFile: string;
  orders(): number | readonly unknown[];
  accounts(): number | readonly unknown[];
}

const count = (all: number | readonly unknown[]): number => (typeof all === 'number' ? all : all.length);

export const orderManyNames = async (
  t: Test,
  start: (httpPort: number) => Promise<CountingCa>,
): Promise<void> => {
  const storage = createFileStorage({ path: tempDir(t), clock: systemClock });
  await storage.open();
  const ca = await start(await challengeServer(t, storage));
  const { emit, of } = recorder();
  const store = createCertificateStore({ storage });
  const health = new IssuersHealth({ storage, clock: systemClock, emit });
  const settings = {
    type: 'acme',
    name: 'test-ca',
    directory: ca.directory,
    caFile: ca.caFile,
    challenges: ['http-01'],
  } as const;
  /** each a process of its own, as far as they know */
  const createSupervisor = () =>
    createIssue({
      storage,
      store,
      issuers: [new AcmeIssuer({ settings, keyType: 'ecdsa-p256', storage, clock: systemClock })],
      clock: systemClock,
      emit,
      health,
    });
  const [supervisor, rival] = [createSupervisor(), createSupervisor()];
  const work = NAMES.values();
  let issued = 0;
  const worker = async (): Promise<void> => {
    for (const name of work) {
      const results = await Promise.all([
        supervisor(name, forever),
        supervisor(name, forever),
        rival(name, forever),
      ]);
      issued += new Set(results.map(({ certificate }) => certificate.serial)).size;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  t.equal(issued, 200);
  t.equal(count(ca.orders()), 200, 'each was ordered once');
  t.equal(of('certificate.issued').length, 200);
  t.equal(of('order.completed').filter(({ result }) => result === 'failed').length, 0);
  t.equal(count(ca.accounts()), 1);
  t.same(await storage.list('challenges'), []);
  t.match(health.list(), [{ issuer: 'test-ca', failures: 0 }]);
};
