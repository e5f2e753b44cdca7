import t from 'tap';
import type { Issued } from '../../../src/cert/renewal/issue.ts';
import { Renewal } from '../../../src/cert/renewal/renewal-loop.ts';
import type { IssuanceState } from '../../../src/cert/state/issuance-state.ts';
import { createNameStates } from '../../../src/cert/state/name-state.ts';
import { createCertificateStore, type StoredCertificate } from '../../../src/cert/state/store.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import { LinkgateError } from '../../../src/core/errors.ts';
import { createFileStorage } from '../../../src/storage/file.ts';
import { renewalOf, unreachableName } from '../../helpers/renewal.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { recorder } from '../../helpers/recorder.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

t.test(
  'a name without a certificate is ordered for at once, reported, and left alone until its time',
  async (t) => {
    const { clock, renewal, asked, told, states } = renewalOf(t, { names: ['a.example.com'] });
    t.match(renewal.status(), [{ domain: 'a.example.com', state: 'pending', notAfter: null }]);
    const startMs = clock.now();
    renewal.start();
    await clock.advance(0);
    t.same([asked, told], [['a.example.com'], ['a.example.com']]);
    t.match(renewal.status(), [
      {
        state: 'live',
        source: 'acme',
        lastProblem: null,
      },
    ]);
    t.match(states.get('a.example.com'), { failures: 0, lastIssuedMs: startMs });
    t.notMatch(JSON.stringify(renewal.status()), 'secret');
    const nextMs = Date.parse(renewal.status()[0]?.nextAttempt ?? '');
    t.ok(nextMs >= startMs + 60 * DAY && nextMs < startMs + 64 * DAY, 'just after two thirds');
    clock.jump(nextMs - 2 * MINUTE);
    await clock.advance(MINUTE);
    t.equal(asked.length, 1, 'not before');
    await clock.advance(2 * MINUTE);
    t.equal(asked.length, 2);
  },
);

t.test('a restart with valid certificates orders nothing', async (t) => {
  const first = renewalOf(t, { names: ['a.example.com', 'b.example.com'] });
  first.renewal.start();
  await first.clock.advance(0);
  t.equal(first.asked.length, 2);
  await first.renewal.stop();
  const second = renewalOf(t, {
    names: ['a.example.com', 'b.example.com'],
    stored: first.stored,
    states: first.states,
  });
  second.renewal.start();
  await second.clock.advance(60 * MINUTE);
  t.same(second.asked, []);
  t.match(second.renewal.status(), [{ state: 'live' }, { state: 'live' }]);
});

t.test('a failing name pauses longer and longer, also across restarts, and shows why', async (t) => {
  const names = ['a.example.com'];
  const attempts: number[] = [];
  const first = renewalOf(t, { names, issue: unreachableName });
  const startMs = first.clock.now();
  first.renewal.start();
  await first.clock.advance(0);
  for (let minute = 0; minute < 125; minute += 1) {
    const before = first.asked.length;
    await first.clock.advance(MINUTE);
    if (first.asked.length > before) attempts.push(minute + 1);
  }
  t.same(attempts, [1, 3, 5, 10, 20, 40, 70], '1, 2, 2, 5, 10, 20, 30 minutes');
  t.match(first.of('certificate.failed')[0], {
    domain: 'a.example.com',
    issuer: 'test-ca',
    code: 'ERR_ACME_UNAUTHORIZED',
    detail: 'NXDOMAIN',
    nextAttemptMs: startMs + MINUTE,
  });
  t.match(first.renewal.status(), [
    {
      state: 'failing',
      nextAttempt: new Date(startMs + 130 * MINUTE).toISOString(),
      lastProblem: {
        issuer: 'test-ca',
        type: 'urn:ietf:params:acme:error:dns',
        detail: 'NXDOMAIN',
        remedy: 'the CA could not check this name: see that its DNS records, and ports 80 and 443, lead here',
      },
    },
  ]);
  await first.renewal.stop();

  const second = renewalOf(t, { names, issue: unreachableName, states: first.states });
  second.clock.jump(first.clock.now());
  second.renewal.start();
  await second.clock.advance(4 * MINUTE);
  t.same(second.asked, [], 'the pause goes on');
  await second.clock.advance(2 * MINUTE);
  t.equal(second.asked.length, 1);
});

t.test('a Retry-After of the CA is kept, up to a day', async (t) => {
  const issue = async (): Promise<Issued> => {
    throw new LinkgateError('ERR_ACME_RATE_LIMITED', 'too many', { details: { retryAfterMs: 30 * DAY } });
  };
  const { clock, renewal, of } = renewalOf(t, { names: ['a.example.com'], issue });
  const startMs = clock.now();
  renewal.start();
  await clock.advance(0);
  t.equal(of('certificate.failed')[0]?.nextAttemptMs, startMs + DAY);
});

t.test('eight at once, renewals before first issues, soonest end first, failed ones last', async (t) => {
  const fresh = Array.from({ length: 10 }, (_, index) => `new${index}.example.com`);
  const old = ['old-late.example.com', 'old-soon.example.com'];
  const stored = new Map<string, StoredCertificate>();
  const states = new Map<string, IssuanceState>();
  const waiting: (() => void)[] = [];
  const issue = (name: string): Promise<Issued> =>
    new Promise((resolve) => waiting.push(() => resolve(succeed(name))));
  const { clock, renewal, asked, certificate, succeed } = renewalOf(t, {
    names: ['failed.example.com', ...fresh, ...old],
    issue,
    stored,
    states,
  });
  stored.set('old-late.example.com', certificate('old-late.example.com', 90 * DAY, 70 * DAY));
  stored.set('old-soon.example.com', certificate('old-soon.example.com', 90 * DAY, 80 * DAY));
  states.set('failed.example.com', {
    failures: 1,
    nextAttemptMs: clock.now() - 1,
    lastIssuedMs: 0,
    lastProblem: null,
  });
  renewal.start();
  await clock.advance(0);
  t.same(asked, ['old-soon.example.com', 'old-late.example.com', ...fresh.slice(0, 6)]);
  await clock.advance(10 * MINUTE);
  t.equal(asked.length, 8, 'no more until one is done');
  waiting.shift()?.();
  await clock.advance(20);
  t.equal(asked.length, 8, 'first issues never take the last two places');
  for (let rounds = 0; rounds < 20; rounds += 1) {
    waiting.shift()?.();
    await clock.advance(20);
  }
  t.equal(asked.at(-1), 'failed.example.com');
  t.equal(new Set(asked).size, 13);
  t.ok(renewal.status().every(({ state }) => state === 'live'));
});

t.test('an order that hangs keeps no other name waiting', async (t) => {
  const names = ['hangs.example.com', ...Array.from({ length: 20 }, (_, index) => `n${index}.example.com`)];
  const issue = (name: string): Promise<Issued> =>
    name.startsWith('hangs') ? new Promise(() => undefined) : succeed(name);
  const { clock, renewal, succeed } = renewalOf(t, { names, issue });
  renewal.start();
  await clock.advance(1_000);
  t.equal(renewal.status().filter(({ state }) => state === 'live').length, 20);
  const stopping = renewal.stop();
  await clock.advance(10_000);
  await stopping;
});

const untilAborted = (_name: string, signal: AbortSignal): Promise<Issued> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

t.test('stop aborts what is under way and counts it as nothing', async (t) => {
  const { clock, renewal, of, states } = renewalOf(t, { names: ['a.example.com'], issue: untilAborted });
  renewal.start();
  await clock.advance(0);
  await renewal.stop();
  t.same(of('certificate.failed'), []);
  t.equal(states.size, 0);
  t.same(clock.sleepers(), []);
});

t.test('a storage that fails delays everything and ends nothing', async (t) => {
  const { clock, renewal, asked, broken, of } = renewalOf(t, { names: ['a.example.com', 'b.example.com'] });
  broken.storage = new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'storage "/x" cannot be read: EIO');
  renewal.start();
  await clock.advance(10 * MINUTE);
  t.same(asked, [], 'nothing is ordered while nothing is known');
  const told = of('storage.failed').length;
  t.ok(told > 3 && told < 20, `told ${told} times, not for every name`);
  delete broken.storage;
  await clock.advance(MINUTE);
  t.equal(asked.length, 2);
});

t.test(
  'a storage that fails in the middle of an issue pauses longer and longer, and memory goes on',
  async (t) => {
    const failures = [new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'storage "/x" cannot be written: ENOSPC')];
    const issue = (name: string): Promise<Issued> => {
      const failure = failures.pop();
      return failure === undefined ? succeed(name) : Promise.reject(failure);
    };
    const { clock, renewal, asked, succeed, broken, of } = renewalOf(t, { names: ['a.example.com'], issue });
    renewal.start();
    await clock.untilSleeping();
    t.match(of('certificate.failed'), [{ code: 'ERR_STORAGE_UNAVAILABLE' }]);
    t.match(renewal.status(), [{ state: 'failing' }]);
    broken.storage = new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'storage "/x" cannot be written: ENOSPC');
    await clock.advance(MINUTE + 20);
    t.match(renewal.status(), [{ state: 'failing' }], 'nothing is ordered that could not be kept');
    t.equal(asked.length, 1);
    const failed = () => of('certificate.failed').length;
    t.equal(failed(), 2);
    await clock.advance(60 * MINUTE);
    t.equal(failed(), 10, 'after 1, 2, 2, 5, then every 10 minutes');
    delete broken.storage;
    await clock.advance(10 * MINUTE + 20);
    t.match(renewal.status(), [{ state: 'live' }], 'by itself, ten minutes after it is back at the latest');
    t.equal(asked.length, 2);
  },
);

t.test('a name that cannot be read does not delay the others', async (t) => {
  const storage = createFileStorage({ path: tempDir(t), clock: systemClock });
  const long = `${Array.from({ length: 4 }, () => 'a'.repeat(62)).join('.')}`;
  await storage.write('certificates/broken.example.com.pem', 'torn');
  const { emit, of } = recorder();
  const clock = fakeClock();
  const asked: string[] = [];
  const store = createCertificateStore({ storage });
  const renewal = new Renewal({
    names: [long, 'broken.example.com', 'a.example.com'],
    store,
    states: createNameStates({ storage, store, clock }),
    clock,
    random: Math.random,
    emit,
    onStored: () => undefined,
    issue: async (name) => {
      asked.push(name);
      throw new LinkgateError('ERR_ACME_UNREACHABLE', 'down');
    },
  });
  renewal.start();
  while (asked.length < 3) await new Promise((resolve) => setImmediate(resolve));
  t.same(asked.toSorted(), ['a.example.com', long, 'broken.example.com'].toSorted());
  t.match(
    of('context.failed').find(({ domain }) => domain === 'broken.example.com'),
    {
      code: 'ERR_CERT_INVALID',
    },
  );
  await renewal.stop();
});

t.test('a clock a year ahead does not order one certificate after another', async (t) => {
  const issue = async (name: string): Promise<Issued> => {
    // The CA's time is right: to this clock the certificate has expired already.
    const fresh = certificate(name, 90 * DAY, 365 * DAY);
    stored.set(name, fresh);
    const state = { failures: 0, nextAttemptMs: 0, lastIssuedMs: clock.now(), lastProblem: null };
    return { certificate: fresh, isNew: true, state };
  };
  const { clock, renewal, asked, certificate, stored } = renewalOf(t, { names: ['a.example.com'], issue });
  renewal.start();
  for (let hours = 0; hours < 24; hours += 1) await clock.advance(60 * MINUTE);
  t.equal(asked.length, 1);
});

t.test(
  'very many names: what is due is ordered before the rest is read, and an invalid certificate is found',
  async (t) => {
    const names = Array.from({ length: 2_000 }, (_, index) => `n${index}.example.com`);
    const stored = new Map<string, StoredCertificate>();
    const { clock, renewal, asked, certificate, of, read } = renewalOf(t, { names, stored });
    for (const name of names) stored.set(name, certificate(name, 90 * DAY, 10 * DAY));
    stored.set('n99.example.com', certificate('n99.example.com', 90 * DAY, 80 * DAY));
    renewal.start();
    await clock.advance(1_000);
    t.same(asked, ['n99.example.com'], 'what is due');
    t.ok(renewal.status().every(({ state }) => state === 'live'));
    t.ok(read.glances === 2_000 && read.whole < 100, `${read.whole} of ${read.glances} checked so far`);
    read.fails.set(
      'n1500.example.com',
      new LinkgateError('ERR_CERT_INVALID', 'does not match its private key'),
    );
    await clock.advance(2 * MINUTE);
    t.match(of('context.failed'), [{ domain: 'n1500.example.com' }]);
    t.same(asked, ['n99.example.com', 'n1500.example.com'], 'ordered again');
    t.equal(renewal.status()[1_500]?.state, 'live');
    const reads = read.glances + read.whole;
    await clock.advance(60 * MINUTE);
    t.equal(read.glances + read.whole, reads, 'then nothing is read');
  },
);

t.test('a storage that is down with very many names is not asked all the time', async (t) => {
  const names = Array.from({ length: 2_000 }, (_, index) => `n${index}.example.com`);
  const { clock, renewal, asked, broken, of } = renewalOf(t, { names });
  broken.storage = new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'storage "/x" cannot be read: EIO');
  renewal.start();
  await clock.advance(10 * MINUTE);
  const told = of('storage.failed').length;
  t.ok(told > 3 && told < 20, `told ${told} times`);
  t.same(asked, []);
  delete broken.storage;
  await clock.advance(MINUTE);
  t.ok(asked.length > 100);
});

t.test('a certificate that was removed from the storage is ordered again within the hour', async (t) => {
  const names = ['a.example.com', 'b.example.com'];
  const { clock, renewal, asked, stored, broken } = renewalOf(t, { names });
  renewal.start();
  await clock.advance(MINUTE);
  stored.delete('b.example.com');
  broken.storage = new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'storage "/x" cannot be read: EIO');
  await clock.advance(61 * MINUTE);
  t.equal(asked.length, 2, 'a storage that is down has lost nothing');
  delete broken.storage;
  await clock.advance(61 * MINUTE);
  t.same(asked.slice(2), ['b.example.com']);
});
