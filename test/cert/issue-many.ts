// Two hundred names at once, against both CAs, with a third of the nonces refused: each is ordered once.

import t, { type Test } from 'tap';
import { createIssue } from '../../src/cert/issue.ts';
import { createAcmeIssuer } from '../../src/cert/issuers/acme.ts';
import { createIssuersHealth } from '../../src/cert/issuers/issuer-health.ts';
import { createCertificateStore } from '../../src/cert/store.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createFileStorage } from '../../src/storage/file.ts';
import { acmeCa } from '../helpers/acme-ca.ts';
import { challengeServer } from '../helpers/challenge-server.ts';
import { needs } from '../helpers/needs.ts';
import { pebble } from '../helpers/pebble.ts';
import { recorder } from '../helpers/recorder.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const forever = new AbortController().signal;
const NAMES = Array.from({ length: 200 }, (_, index) => `n${index}.example.com`);
/** as the renewal loop does */
const AT_ONCE = 8;

const CASES = [
  ['the CA of these tests', false, (t: Test, httpPort: number) => acmeCa(t, { httpPort, nonceReject: 30 })],
  ['Pebble', needs('pebble'), (t: Test, httpPort: number) => pebble(t, { httpPort, nonceReject: 30 })],
] as const;

for (const [what, skip, start] of CASES) {
  t.test(`200 names at ${what}`, { skip }, async (t) => {
    const storage = createFileStorage({ path: tempDir(t), clock: systemClock });
    await storage.open();
    const ca = await start(t, await challengeServer(t, storage));
    const { emit, of } = recorder();
    const store = createCertificateStore({ storage });
    const health = createIssuersHealth({ storage, clock: systemClock, emit });
    const settings = {
      type: 'acme',
      name: 'test-ca',
      directory: ca.directory,
      caFile: ca.caFile,
      challenges: ['http-01'],
    } as const;
    /** each a process of its own, as far as they know */
    const createKeeper = () =>
      createIssue({
        storage,
        store,
        issuers: [createAcmeIssuer({ settings, keyType: 'ecdsa-p256', storage, clock: systemClock })],
        clock: systemClock,
        emit,
        health,
      });
    const [keeper, rival] = [createKeeper(), createKeeper()];
    const work = NAMES.values();
    let issued = 0;
    const worker = async (): Promise<void> => {
      for (const name of work) {
        const results = await Promise.all([
          keeper(name, forever),
          keeper(name, forever),
          rival(name, forever),
        ]);
        issued += new Set(results.map(({ certificate }) => certificate.serial)).size;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    t.equal(issued, 200);
    const orders = ca.orders();
    t.equal(typeof orders === 'number' ? orders : orders.length, 200, 'each was ordered once');
    t.equal(of('certificate.issued').length, 200);
    t.equal(of('order.completed').filter(({ result }) => result === 'failed').length, 0);
    const accounts = ca.accounts();
    t.equal(typeof accounts === 'number' ? accounts : accounts.length, 1);
    t.same(await storage.list('challenges'), []);
    t.match(health.list(), [{ issuer: 'test-ca', failures: 0 }]);
  });
}
