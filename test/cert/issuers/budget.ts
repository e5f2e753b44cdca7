import t from 'tap';
import { limitsOf, registeredDomain, withBudget, type Limits } from '../../../src/cert/issuers/budget.ts';
import type { Issuer } from '../../../src/cert/issuers/issuer.ts';
import type { StoredCertificate } from '../../../src/cert/state/store.ts';
import { LinkgateError, type ErrorCode } from '../../../src/core/errors.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { withUnreadable } from '../../helpers/unreadable.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const forever = new AbortController().signal;
const real = limitsOf('https://acme-v02.api.letsencrypt.org/directory');
if (real === undefined) throw new Error('no limits');

/** A CA that counts what reaches it, and a budget around it. */
const setUp = (limits: Limits = real, storage = createMemoryStorage(), clock = fakeClock()) => {
  const reached: string[] = [];
  const failing: { code?: ErrorCode; validations?: number } = {};
  const ca: Issuer = {
    source: 'acme',
    issuer: 'letsencrypt',
    directory: 'https://ca.example/directory',
    obtain: async (name) => {
      reached.push(name);
      if (failing.code !== undefined) throw new LinkgateError(failing.code, 'no', { details: failing });
      return { keyPem: 'key', chainPem: 'chain' };
    },
  };
  const issuer = withBudget(ca, { storage, clock, limits });
  const order = (name: string, replaces?: StoredCertificate): Promise<unknown> =>
    issuer.obtain(name, forever, replaces === undefined ? {} : { replaces });
  return { clock, storage, reached, failing, order, issuer };
};

const refused = { code: 'ERR_ACME_RATE_LIMITED', details: { retryAfterMs: Number } } as const;
const held = { source: 'acme', directory: 'https://ca.example/directory' } as StoredCertificate;

t.test('a name is counted under its registered domain', async (t) => {
  t.equal(registeredDomain('links.shop.example.co.uk'), 'example.co.uk');
  t.equal(registeredDomain('links.acme.com'), 'acme.com');
  t.equal(registeredDomain('links.acme.github.io'), 'acme.github.io', 'a suffix whose names belong to many');
  t.equal(registeredDomain('links.intranet'), 'links.intranet');
  t.equal(limitsOf('https://pebble.example/dir'), undefined, 'a CA whose limits nobody knows has none here');
});

t.test('five certificates a week for one name, then none before the first is a week old', async (t) => {
  const { clock, reached, order } = setUp();
  for (let index = 0; index < 5; index += 1) {
    await order('a.example.com');
    clock.jump(clock.now() + HOUR);
  }
  await t.rejects(order('a.example.com'), {
    ...refused,
    message:
      'order for "a.example.com" was not placed: "letsencrypt" allows 5 certificates of this name, and 5 are spent',
    details: { retryAfterMs: 7 * DAY - 5 * HOUR },
  });
  t.equal(reached.length, 5, 'the CA was not asked');
  clock.jump(clock.now() + 7 * DAY - 5 * HOUR);
  await order('a.example.com');
  await t.rejects(order('a.example.com'), refused, 'one became free, not five');
});

t.test('fifty a week for one registered domain, the last ten for renewals', async (t) => {
  const { reached, order } = setUp();
  for (let index = 0; index < 45; index += 1) await order(`n${index}.example.com`);
  await t.rejects(order('n45.example.com'), refused);
  await order('n45.example.org');
  const foreign = { ...held, directory: 'https://other.example/directory' };
  for (let index = 0; index < 5; index += 1) await order(`r${index}.example.com`, foreign);
  await t.rejects(order('r5.example.com', foreign), refused);
  for (let index = 0; index < 20; index += 1) await order(`n${index}.example.com`, held);
  t.equal(reached.length, 45 + 1 + 5 + 20, 'what replaces a certificate of the same CA is exempt');
});

t.test('three hundred orders in three hours, whatever their names', async (t) => {
  const { clock, order, reached } = setUp();
  for (let index = 0; index < 270; index += 1) await order(`a.n${index}.com`);
  await t.rejects(order('a.last.com'), { ...refused, details: { retryAfterMs: 3 * HOUR } });
  clock.jump(clock.now() + 3 * HOUR);
  await order('a.last.com');
  t.equal(reached.length, 271);
});

t.test('the orders that are left are known, and grow with time', async (t) => {
  const { clock, order, issuer } = setUp();
  t.same(await issuer.ordersLeft?.(), { left: 300, most: 300 });
  await order('a.example.com');
  await order('b.example.org');
  t.same(await issuer.ordersLeft?.(), { left: 298, most: 300 });
  await clock.advance(3 * HOUR);
  t.same(await issuer.ordersLeft?.(), { left: 300, most: 300 });
});

t.test('five failed validations an hour; a failure is no certificate', async (t) => {
  const { clock, order, failing, reached } = setUp();
  failing.code = 'ERR_ACME_UNAUTHORIZED';
  for (let index = 0; index < 5; index += 1) {
    await t.rejects(order('a.example.com'), { code: 'ERR_ACME_UNAUTHORIZED' });
    clock.jump(clock.now() + 60_000);
  }
  await t.rejects(order('a.example.com'), { ...refused, message: /failed validations/ });
  t.equal(reached.length, 5);
  delete failing.code;
  clock.jump(clock.now() + HOUR);
  for (let index = 0; index < 5; index += 1) await order('a.example.com');
  await t.rejects(order('a.example.com'), { ...refused, message: /certificates of this name/ });
});

t.test('each kind of challenge that failed counts, and room is left for as many', async (t) => {
  const { clock, order, failing, reached, storage } = setUp();
  failing.code = 'ERR_ACME_UNAUTHORIZED';
  failing.validations = 2;
  for (let index = 0; index < 2; index += 1) {
    await t.rejects(order('a.example.com'), { code: 'ERR_ACME_UNAUTHORIZED' });
    clock.jump(clock.now() + 60_000);
  }
  await t.rejects(order('a.example.com'), { ...refused, message: /failed validations/ });
  t.equal(reached.length, 2, 'a third attempt could be failures five and six');
  const [account = ''] = (await storage.list('budget')).filter((key) => key.endsWith('_account.json'));
  const { uses } = JSON.parse(String(await storage.read(account))) as { uses: unknown[] };
  t.equal(uses.length, 4, 'an order each');
});

t.test('a restart and other processes on the storage count together', async (t) => {
  const storage = createMemoryStorage();
  const clock = fakeClock();
  const limits = { ...real, name: { most: 3, inMs: DAY } };
  const supervisors = [setUp(limits, storage, clock), setUp(limits, storage, clock)];
  const all = Array.from({ length: 10 }, (_, index) => supervisors[index % 2]?.order('a.example.com'));
  const results = await Promise.allSettled(all);
  t.equal(results.filter(({ status }) => status === 'fulfilled').length, 3);
});

t.test('counts that cannot be read are none, and those of a wrong clock are dropped', async (t) => {
  const { storage, clock, order } = setUp({ ...real, name: { most: 1, inMs: DAY } });
  await order('a.example.com');
  await t.rejects(order('a.example.com'), refused);
  for (const key of await storage.list('budget')) await storage.write(key, '{torn');
  await order('a.example.com');
  clock.jump(clock.now() - 365 * DAY);
  await order('a.example.com');
});

t.test('a storage that cannot be written stops the order before the CA is asked', async (t) => {
  const storage = createMemoryStorage();
  const { order, reached } = setUp(real, {
    ...storage,
    write: () =>
      Promise.reject(new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'storage "/x" cannot be written: ENOSPC')),
  });
  await t.rejects(order('a.example.com'), { code: 'ERR_STORAGE_UNAVAILABLE' });
  t.same(reached, []);
});

t.test(
  'an order that was refused is not counted, also when the clock goes on while it is counted',
  async (t) => {
    const storage = createMemoryStorage();
    let nowMs = Date.UTC(2026, 0, 1);
    const clock = { ...fakeClock(), now: () => (nowMs += 1) };
    const refusing: Issuer = {
      source: 'acme',
      issuer: 'ca',
      directory: 'https://ca.example/directory',
      obtain: () => Promise.reject(new LinkgateError('ERR_ACME_REFUSED', 'no')),
    };
    const issuer = withBudget(refusing, { storage, clock, limits: real });
    for (let times = 0; times < 7; times += 1) {
      await t.rejects(issuer.obtain('a.example.com', forever), { code: 'ERR_ACME_REFUSED' });
    }
  },
);

t.test('a count that cannot be read stops no order, and is begun again', async (t) => {
  const memory = createMemoryStorage();
  const { reached, order } = setUp(
    real,
    withUnreadable(memory, () => true),
  );
  await order('a.example.com');
  t.same(reached, ['a.example.com']);
  for (const key of await memory.list('budget')) {
    t.match(JSON.parse(String(await memory.read(key))), { uses: [{ name: 'a.example.com' }] });
  }
});

t.test('renewalInfo and revoke pass to the issuer, also to one that is a class', async (t) => {
  class Ca implements Issuer {
    readonly source = 'acme';
    readonly issuer = 'class-ca';
    readonly #revoked: number[] = [];
    obtain(): Promise<never> {
      return Promise.reject(new Error('not asked'));
    }
    async renewalInfo() {
      return { windowStartMs: 1, windowEndMs: 2, retryAfterMs: this.#revoked.length };
    }
    async revoke(_certificate: StoredCertificate, reason: number) {
      this.#revoked.push(reason);
    }
  }
  const options = { storage: createMemoryStorage(), clock: fakeClock(), limits: real };
  const issuer = withBudget(new Ca(), options);
  t.match(issuer, { source: 'acme', issuer: 'class-ca' });
  await issuer.revoke?.(held, 4, forever);
  t.match(await issuer.renewalInfo?.(held, forever), { retryAfterMs: 1 });
  const { obtain } = setUp().issuer;
  t.notOk(
    'revoke' in withBudget({ source: 'local', issuer: 'none', obtain }, options),
    'none where there is none',
  );
});
