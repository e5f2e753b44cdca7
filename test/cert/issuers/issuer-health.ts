import t from 'tap';
import { IssuersHealth, issuerStatuses } from '../../../src/cert/issuers/issuer-health.ts';
import { ERRORS, LinkgateError, type ErrorCode } from '../../../src/core/errors.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { recorder } from '../../helpers/recorder.ts';

const ca = { issuer: 'first', directory: 'https://first.example/dir' };
const error = (code: ErrorCode, retryAfterMs?: number): LinkgateError =>
  new LinkgateError(code, `said ${code}`, retryAfterMs === undefined ? {} : { details: { retryAfterMs } });

const setUp = () => {
  const storage = createMemoryStorage();
  const clock = fakeClock();
  const { emit, of } = recorder();
  const create = () => new IssuersHealth({ storage, clock, emit });
  const health = create();
  const waitOf = (who = health): number => (who.passedOverUntil(ca) ?? clock.now()) - clock.now();
  return { storage, clock, of, create, health, waitOf };
};

t.test('a CA that is down is passed over for growing times, and used again when it works', async (t) => {
  for (const code of ['ERR_ACME_UNREACHABLE', 'ERR_ACME_TIMEOUT', 'ERR_CERT_INVALID'] as const) {
    const { health, waitOf, clock } = setUp();
    t.equal(waitOf(), 0);
    for (const seconds of [30, 60, 120, 240, 300, 300]) {
      await health.record(ca, 'a.example.com', error(code));
      t.equal(waitOf(), seconds * 1000);
      await health.record(ca, 'b.example.com', error(code));
      t.equal(waitOf(), seconds * 1000, 'those that were under way say nothing new');
      clock.jump(clock.now() + seconds * 1000);
      t.equal(waitOf(), 0);
    }
    t.match(health.list(), [{ ...ca, failures: 6, lastFailure: { code, detail: `said ${code}` } }]);
    await health.record(ca, 'a.example.com');
    t.match(health.list(), [{ failures: 0, lastSuccessMs: clock.now(), lastFailure: { code } }]);
    await health.record(ca, 'a.example.com', error(code));
    t.equal(waitOf(), 30_000, 'and from the beginning');
  }
});

t.test('a limit is about the name, until several names in a row have met one', async (t) => {
  const { health, waitOf } = setUp();
  const limit = error('ERR_ACME_RATE_LIMITED', 600_000);
  for (const name of ['a.example.com', 'a.example.com', 'b.example.com'])
    await health.record(ca, name, limit);
  t.equal(waitOf(), 0);
  await health.record(ca, 'c.example.com');
  for (const name of ['a.example.com', 'b.example.com']) await health.record(ca, name, limit);
  t.equal(waitOf(), 0, 'another one was served in between');
  await health.record(ca, 'c.example.com', limit);
  t.equal(waitOf(), 600_000);
});

t.test('however long a CA asks for, it is asked again within the hour', async (t) => {
  const { health, waitOf } = setUp();
  await health.record(ca, 'a.example.com', error('ERR_ACME_UNREACHABLE', 1e12));
  t.equal(waitOf(), 3_600_000);
});

t.test('an error about a name, a policy or the storage does not count against the CA', async (t) => {
  const { health, waitOf, storage } = setUp();
  for (const code of ['ERR_ACME_UNAUTHORIZED', 'ERR_ACME_REFUSED', 'ERR_STORAGE_UNAVAILABLE'] as const) {
    for (const name of ['a.example.com', 'b.example.com', 'c.example.com']) {
      await health.record(ca, name, error(code));
    }
  }
  t.equal(waitOf(), 0);
  t.same(await storage.list('state'), []);
});

t.test('the next process knows it, and times of a wrong clock do not count', async (t) => {
  const { health, create, waitOf, clock } = setUp();
  await health.record(ca, 'a.example.com', error('ERR_ACME_TIMEOUT'));
  const heir = create();
  t.equal(waitOf(heir), 0, 'before it has read');
  await heir.load();
  t.equal(waitOf(heir), 30_000);
  t.same(heir.list(), health.list());
  clock.jump(clock.now() - 365 * 86_400_000);
  t.equal(waitOf(heir), 0);
});

t.test('the stored text may be anything, and the storage may fail', async (t) => {
  const { storage, create, of } = setUp();
  const kept = [
    'no JSON',
    '[]',
    '{"version":2,"issuers":[{"issuer":"x"}]}',
    '{"version":1,"issuers":[null,7,{},{"issuer":7}]}',
  ];
  for (const text of kept) {
    await storage.write('state/issuers.json', text);
    const health = create();
    await health.load();
    t.same(health.list(), []);
  }
  await storage.write(
    'state/issuers.json',
    '{"version":1,"issuers":[{"issuer":"x","failures":"many","lastFailure":{"atMs":1,"code":"ERR_X"},"passedOverUntilMs":null}]}',
  );
  const odd = create();
  await odd.load();
  t.same(odd.list(), [
    { issuer: 'x', failures: 0, lastFailure: { atMs: 1, code: 'ERR_INTERNAL', detail: '' } },
  ]);
  t.same(of('storage.failed'), []);

  const fail = () => Promise.reject(new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'gone'));
  const { emit, of: told } = recorder();
  const health = new IssuersHealth({
    storage: { ...storage, read: fail, write: fail },
    clock: fakeClock(),
    emit,
  });
  await health.load();
  await health.record(ca, 'a.example.com', error('ERR_ACME_TIMEOUT'));
  t.ok(health.passedOverUntil(ca), 'it is known all the same');
  t.equal(told('storage.failed').length, 2);
});

t.test('many successes are few writes', async (t) => {
  const { storage, clock } = setUp();
  let writes = 0;
  const counting = {
    ...storage,
    write: (key: string, value: Buffer | string) => {
      writes += 1;
      return storage.write(key, value);
    },
  };
  const health = new IssuersHealth({ storage: counting, clock, emit: () => {} });
  for (let n = 0; n < 200; n += 1) await health.record(ca, `n${n}.example.com`);
  t.equal(writes, 1);
});

t.test('an order that our own budget held back does not count against the CA', async (t) => {
  const { storage, clock } = setUp();
  const health = new IssuersHealth({ storage, clock, emit: () => {} });
  const held = new LinkgateError('ERR_ACME_RATE_LIMITED', 'spent', { details: { ownLimit: true } });
  for (const name of ['a', 'b', 'c', 'd']) await health.record(ca, `${name}.example.com`, held);
  t.equal(health.passedOverUntil(ca), undefined);
  t.same(health.list(), []);
});

t.test('the row of each issuer, also after a restart', async (t) => {
  const { health, create, clock } = setUp();
  const other = { issuer: 'local' };
  const iso = (ms: number): string => new Date(ms).toISOString();
  const good = { healthy: true, since: null, lastProblem: null, retryAt: null };
  t.strictSame(issuerStatuses([ca, other], health), [
    { name: 'first', ...good },
    { name: 'local', ...good },
  ]);
  const downMs = clock.now();
  await health.record(ca, 'a.example.com', error('ERR_ACME_UNREACHABLE'));
  clock.jump(downMs + 40_000);
  await health.record(ca, 'a.example.com', error('ERR_ACME_TIMEOUT'));
  const next = create();
  await next.load();
  for (const who of [health, next]) {
    t.strictSame(issuerStatuses([other, ca], who), [
      { name: 'local', ...good },
      {
        name: 'first',
        healthy: false,
        since: iso(downMs),
        lastProblem: {
          at: iso(downMs + 40_000),
          issuer: 'first',
          type: 'ERR_ACME_TIMEOUT',
          detail: 'said ERR_ACME_TIMEOUT',
          remedy: ERRORS.ERR_ACME_TIMEOUT.help,
        },
        retryAt: iso(downMs + 100_000),
      },
    ]);
  }
  clock.jump(downMs + 200_000);
  t.match(issuerStatuses([ca], next), [{ healthy: false, retryAt: null }], 'it is asked, and not proven yet');
  await next.record(ca, 'a.example.com');
  clock.jump(downMs + 300_000);
  await next.record(ca, 'b.example.com');
  t.match(issuerStatuses([ca], next), [{ healthy: true, since: iso(downMs + 200_000), lastProblem: null }]);
});

t.test('an impossible time does not break the status', async (t) => {
  const { storage, create } = setUp();
  const issuers = [
    { ...ca, failures: 1, sinceMs: 1e300, lastFailure: { atMs: 1e300, code: 'x', detail: 'y' } },
  ];
  await storage.write('state/issuers.json', JSON.stringify({ version: 1, issuers }));
  const health = create();
  await health.load();
  t.match(issuerStatuses([ca], health), [
    { healthy: false, since: null, lastProblem: { at: '', detail: 'y' } },
  ]);
});
