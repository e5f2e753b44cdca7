import t from 'tap';
import { createIssue } from '../../../src/cert/renewal/issue.ts';
import type { Issuer } from '../../../src/cert/issuers/issuer.ts';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import { NOTHING_YET } from '../../../src/cert/state/issuance-state.ts';
import { createNameStates } from '../../../src/cert/state/name-state.ts';
import { createCertificateStore } from '../../../src/cert/state/store.ts';
import { LinkgateError, type ErrorCode } from '../../../src/core/errors.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { recorder } from '../../helpers/recorder.ts';

const forever = new AbortController().signal;
const name = 'links.example.com';
const DAY = 86_400_000;

/** The local CA, counting what it is asked. */
const setUp = () => {
  const clock = fakeClock();
  const storage = createMemoryStorage();
  const store = createCertificateStore({ storage });
  const states = createNameStates({ storage, store, clock });
  const local = createLocalIssuer({ storage: createMemoryStorage(), keyType: 'ecdsa-p256', clock });
  const asked: string[] = [];
  const { emit, of, names } = recorder();
  const good: Issuer = {
    ...local,
    obtain: (name, signal) => {
      asked.push(`good ${name}`);
      return local.obtain(name, signal);
    },
  };
  const failing = (code: ErrorCode): Issuer => ({
    source: 'acme',
    issuer: 'failing',
    directory: 'https://ca/',
    obtain: async (name) => {
      asked.push(`failing ${name}`);
      throw new LinkgateError(code, 'no', { details: { type: 'urn:x', retryAfterMs: 5 } });
    },
  });
  const create = (...issuers: Issuer[]) => createIssue({ storage, store, issuers, clock, emit });
  return { clock, storage, store, states, asked, of, names, good, failing, create };
};

t.test('a name gets one certificate, also when several callers order at once', async (t) => {
  const { create, good, asked, store, of, names } = setUp();
  const issue = create(good);
  const elsewhere = create(good);
  const results = await Promise.all([issue(name, forever), issue(name, forever), elsewhere(name, forever)]);
  t.same(asked, [`good ${name}`]);
  t.same(
    results.map(({ isNew }) => isNew),
    [true, true, false],
    'the other process reads the certificate again under the lock',
  );
  t.equal(results[2]?.certificate.serial, results[0]?.certificate.serial);
  t.match(await store.read(name), {
    source: 'local',
    issuer: 'local',
    serial: results[0]?.certificate.serial,
  });
  t.same(names(), ['order.completed', 'certificate.issued']);
  t.match(of('order.completed'), [{ issuer: 'local', result: 'issued' }]);
  t.match(of('certificate.issued'), [
    { domain: name, serial: results[0]?.certificate.serial, isFirst: true },
  ]);
});

t.test('a certificate is replaced once its renewal has come', async (t) => {
  const { create, good, asked, clock } = setUp();
  const issue = create(good);
  const first = await issue(name, forever);
  clock.jump(clock.now() + 3 * DAY);
  t.equal((await issue(name, forever)).isNew, false);
  clock.jump(clock.now() + DAY);
  const second = await issue(name, forever);
  t.equal(second.isNew, true);
  t.not(second.certificate.serial, first.certificate.serial);
  t.equal(asked.length, 2);
});

t.test('a stored certificate that cannot be served is replaced', async (t) => {
  const { create, good, storage } = setUp();
  await storage.write(`certificates/${name}.pem`, 'torn');
  t.equal((await create(good)(name, forever)).isNew, true);
});

t.test('the next issuer is asked when one is down, limits or refuses', async (t) => {
  for (const code of [
    'ERR_ACME_UNREACHABLE',
    'ERR_ACME_RATE_LIMITED',
    'ERR_ACME_REFUSED',
    'ERR_ACME_TIMEOUT',
  ] as const) {
    const { create, good, failing, of } = setUp();
    t.match(await create(failing(code), good)(name, forever), { isNew: true });
    t.match(of('order.completed'), [
      { issuer: 'failing', result: 'failed', code, problemType: 'urn:x' },
      { issuer: 'local', result: 'issued' },
    ]);
  }
});

t.test('no other CA is asked about a name that could not be validated', async (t) => {
  const { create, good, failing, asked, names } = setUp();
  await t.rejects(
    create(failing('ERR_ACME_UNAUTHORIZED'), good)(name, forever).then(() => undefined),
    {
      code: 'ERR_ACME_UNAUTHORIZED',
      details: { issuer: 'failing', type: 'urn:x', retryAfterMs: 5 },
      cause: LinkgateError,
    },
  );
  t.same(asked, [`failing ${name}`]);
  t.same(names(), ['order.completed']);
});

t.test('the lock is given back after a failure, and without any issuer there is a clear error', async (t) => {
  const { create, failing, good } = setUp();
  await t.rejects(
    create(failing('ERR_ACME_UNREACHABLE'))(name, forever).then(() => undefined),
    { code: 'ERR_ACME_UNREACHABLE' },
  );
  await t.rejects(
    create()(name, forever).then(() => undefined),
    { message: /no issuer is configured/ },
  );
  t.match(await create(good)(name, forever), { isNew: true });
});

t.test('a name that another process holds is given up after a minute', async (t) => {
  const { create, good, storage, clock, asked } = setUp();
  const held = await storage.lock(name, forever);
  const issuing = create(good)(name, forever);
  issuing.catch(() => undefined);
  await clock.advance(60_000);
  await t.rejects(
    issuing.then(() => undefined),
    { code: 'ERR_STORAGE_LOCKED' },
  );
  t.same(asked, []);
  await held.release();
});

t.test('an order that is aborted is not counted', async (t) => {
  const { create, names } = setUp();
  const stop = new AbortController();
  const hanging: Issuer = {
    source: 'acme',
    issuer: 'hanging',
    obtain: (_name, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
  };
  const issuing = create(hanging)(name, stop.signal);
  await new Promise((resolve) => setImmediate(resolve));
  stop.abort(new Error('stopping'));
  await t.rejects(
    issuing.then(() => undefined),
    { message: 'stopping' },
  );
  t.same(names(), []);
});

t.test('a lock that is lost stops the order it protects', async (t) => {
  const { storage, store, clock } = setUp();
  const lost = new AbortController();
  const { emit } = recorder();
  const losing = {
    ...storage,
    lock: async () => ({ signal: lost.signal, release: () => Promise.resolve() }),
  };
  const hanging: Issuer = {
    source: 'acme',
    issuer: 'hanging',
    obtain: (_name, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      }),
  };
  const issuing = createIssue({ storage: losing, store, issuers: [hanging], clock, emit })(name, forever);
  await new Promise((resolve) => setImmediate(resolve));
  lost.abort(new LinkgateError('ERR_STORAGE_LOCKED', 'lock was lost'));
  await t.rejects(
    issuing.then(() => undefined),
    { code: 'ERR_STORAGE_LOCKED' },
  );
});

t.test('a CA that is down is left alone for a while, then asked again first', async (t) => {
  const { create, failing, good, asked, clock } = setUp();
  const issue = create(failing('ERR_ACME_UNREACHABLE'), good);
  const other = 'clicks.example.com';
  await issue(name, forever);
  await issue(other, forever);
  t.same(asked.splice(0), [`failing ${name}`, `good ${name}`, `good ${other}`]);
  await clock.advance(30_000);
  await issue('third.example.com', forever);
  t.same(asked, ['failing third.example.com', 'good third.example.com']);
});

t.test('when every CA is passed over, the error says when to try again', async (t) => {
  const { create, failing, asked } = setUp();
  const issue = create(failing('ERR_ACME_TIMEOUT'));
  await t.rejects(Promise.resolve(issue(name, forever)), { code: 'ERR_ACME_TIMEOUT' });
  await t.rejects(Promise.resolve(issue('other.example.com', forever)), {
    code: 'ERR_ACME_UNREACHABLE',
    message: 'every issuer for "other.example.com" has failed lately; the last one: no',
    details: { retryAfterMs: 30_000, issuer: 'failing' },
  });
  t.same(asked.splice(0), [`failing ${name}`]);
  await t.rejects(Promise.resolve(issue(name, forever, { force: true })), { code: 'ERR_ACME_TIMEOUT' });
  t.same(asked, [`failing ${name}`], 'a forced order asks in any case');
});

t.test(
  'a forced order is placed for a certificate that is not due, and the issuer knows which one is replaced',
  async (t) => {
    const { good, create } = setUp();
    const told: (string | undefined)[] = [];
    const telling: Issuer = {
      ...good,
      obtain: (name, signal, options) => {
        told.push(options?.replaces?.serial);
        return good.obtain(name, signal);
      },
    };
    const issue = create(telling);
    const { certificate: first } = await issue(name, forever);
    t.match(await issue(name, forever), { isNew: false });
    const { certificate: second, isNew } = await issue(name, forever, { force: true });
    t.ok(isNew);
    t.not(second.serial, first.serial);
    await issue(name, forever, { force: true, replaces: first });
    t.same(told, [undefined, first.serial, first.serial]);
  },
);

t.test(
  'the issuer gets the kind of challenge that worked last, and the one that worked now is kept',
  async (t) => {
    const { good, create } = setUp();
    const told: (string | undefined)[] = [];
    const telling: Issuer = {
      ...good,
      obtain: async (name, signal, options) => {
        told.push(options?.challenge);
        return { ...(await good.obtain(name, signal)), challenge: 'tls-alpn-01' };
      },
    };
    const issue = create(telling);
    t.equal((await issue(name, forever)).state?.challenge, 'tls-alpn-01');
    await issue(name, forever, { force: true });
    t.same(told, [undefined, 'tls-alpn-01']);
  },
);

t.test(
  'the state is written before the lock is given back, so that no process reads an old one',
  async (t) => {
    const { good, create, states, storage, clock } = setUp();
    const atRelease: unknown[] = [];
    const { lock } = storage;
    storage.lock = async (one, signal) => {
      const held = await lock(one, signal);
      const release = async (): Promise<void> => {
        atRelease.push(await states.read(name));
        await held.release();
      };
      return { ...held, release };
    };
    const { state } = await create(good)(name, forever);
    t.match(state, { failures: 0, lastIssuedMs: clock.now() });
    t.same(atRelease, [state]);
    const failing = { ...NOTHING_YET, failures: 3, lastIssuedMs: clock.now(), nextAttemptMs: 1 };
    await states.update(name, {}, () => failing);
    t.match(await create(good)(name, forever), { isNew: false, state: { failures: 0 } });
    t.match(await states.read(name), { failures: 0, lastIssuedMs: clock.now() }, 'earlier failures are over');
  },
);

t.test('what the storage could not take is stored by the next attempt, without another order', async (t) => {
  const { good, create, store, storage, asked, of, clock } = setUp();
  const { write } = storage;
  const fill = (isFull: boolean): void => {
    storage.write = (key, value) =>
      isFull && key.startsWith('certificates/')
        ? Promise.reject(
            new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'storage "/x" cannot be written: ENOSPC'),
          )
        : write(key, value);
  };
  const issue = create(good);
  fill(true);
  await t.rejects(issue(name, forever), { code: 'ERR_STORAGE_UNAVAILABLE' });
  await t.rejects(issue(name, forever), { code: 'ERR_STORAGE_UNAVAILABLE' });
  t.equal(asked.length, 1);
  t.equal(await store.read(name), undefined);
  fill(false);
  const { certificate, isNew } = await issue(name, forever);
  t.ok(isNew);
  t.equal(asked.length, 1, 'one order in all');
  t.match(of('certificate.issued'), [{ serial: certificate.serial }]);
  t.equal((await store.read(name))?.serial, certificate.serial);

  clock.jump(clock.now() + 4 * DAY);
  fill(true);
  await t.rejects(issue(name, forever), { code: 'ERR_STORAGE_UNAVAILABLE' });
  fill(false);
  const rival = await create(good)(name, forever);
  t.same(await issue(name, forever), { ...rival, isNew: false }, 'not over one that is newer');
  clock.jump(clock.now() + 4 * DAY);
  fill(true);
  await t.rejects(issue(name, forever), { code: 'ERR_STORAGE_UNAVAILABLE' });
  fill(false);
  clock.jump(clock.now() + 5 * DAY);
  const before = asked.length;
  await issue(name, forever);
  t.equal(asked.length, before + 1, 'nor one that would be due itself');
});

t.test('a state that cannot be written is reported, and the certificate stays', async (t) => {
  const { good, create, storage, of } = setUp();
  const { write } = storage;
  storage.write = (key, value) =>
    key.startsWith('state/') && key.includes(name) ? Promise.reject(new Error('EIO')) : write(key, value);
  t.match(await create(good)(name, forever), { isNew: true, state: { failures: 0 } });
  t.match(of('storage.failed'), [{ code: 'ERR_STORAGE_UNAVAILABLE' }]);
});
