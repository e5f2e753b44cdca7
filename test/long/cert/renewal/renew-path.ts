// The renewal loop on the whole path against the test CA: it follows the renewal windows of the CA from end to end, and two supervisors
// on one storage issue, renew, replace a revoked certificate and remove a domain, each once.

import t from 'tap';
import { RemovedDomains } from '../../../../src/cert/removed/removed-domains.ts';
import * as faults from '../../../helpers/acme-ca/faults.ts';
import { folderAndCa, supervisorOn, name } from '../../../helpers/supervisor-on.ts';
import { until } from '../../../helpers/until.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const forever = new AbortController().signal;

t.test('the CA pulls a window forward: renewed with replaces, also when it says that was done', async (t) => {
  let isPulled = false;
  const { path, ca } = await folderAndCa(t, {
    renewalInfo: ({ notBeforeMs, notAfterMs }) => ({
      suggestedWindow: isPulled
        ? { start: new Date(notBeforeMs - 2 * HOUR).toISOString(), end: new Date(notBeforeMs).toISOString() }
        : { start: new Date(notAfterMs - 48 * HOUR).toISOString(), end: new Date(notAfterMs).toISOString() },
    }),
  });
  const { start, serial, later, renewal, states } = await supervisorOn(t, path, ca);
  start();
  await until('the first one', () => renewal.status()[0]?.state === 'live');
  const first = serial();
  await until('asked', async () => (await states.read(name))?.renewal !== undefined);
  t.equal(ca.orders().length, 1);
  isPulled = true;
  // on the wire it is taken back by the CA: a first try to replace it is refused as done already
  ca.faults.set('newOrder', (times) => (times === 2 ? faults.alreadyReplaced : undefined));
  later(7 * HOUR);
  await until('the second one', () => serial() !== first, 60_000);
  t.equal(ca.steps.filter((step) => step === 'newOrder').length, 3, 'asked again without replaces');
  t.equal(ca.orders().at(-1)?.replaces, undefined);
  ca.faults.clear();
  const second = serial();
  later(7 * HOUR);
  await until('the third one, pulled forward as well', () => serial() !== second, 20_000);
  await renewal.stop();

  isPulled = false;
  const other = await folderAndCa(t);
  const next = await supervisorOn(t, other.path, other.ca);
  next.start();
  await until('the first one', () => next.renewal.status()[0]?.state === 'live');
  const before = next.serial();
  other.ca.faults.set('renewalInfo', () => faults.malformed);
  next.later(61 * 24 * HOUR);
  next.later(14 * 24 * HOUR);
  await until('an id it calls malformed stops no renewal', () => next.serial() !== before, 60_000);
  t.equal(other.ca.orders().at(-1)?.replaces, other.ca.certificates()[0]?.id, 'and says what it replaces');
});

t.test('the CA wants each certificate replaced now: done at the next poll, with a ceiling', async (t) => {
  let isNow = false;
  const { path, ca } = await folderAndCa(t, {
    renewalRetryAfter: 300,
    renewalInfo: ({ notBeforeMs, notAfterMs }) => {
      const [start, end] = isNow
        ? [notBeforeMs - 2 * HOUR, notBeforeMs - HOUR]
        : [notAfterMs - HOUR, notAfterMs];
      return { suggestedWindow: { start: new Date(start).toISOString(), end: new Date(end).toISOString() } };
    },
  });
  const { start, serial, later, renewal, states, clock } = await supervisorOn(t, path, ca);
  const polls = (): number => ca.steps.filter((step) => step === 'renewalInfo').length;
  /** when the certificate that is served now was issued, once it has been asked about */
  const issuedMs = async (): Promise<number> => {
    const state = await until('asked about', async () => {
      const stored = await states.read(name);
      return stored?.renewal === undefined ? undefined : stored;
    });
    return state.lastIssuedMs;
  };
  const plannedMs = (): number => Date.parse(renewal.status()[0]?.nextAttempt ?? '');
  start();
  await until('the first one', () => renewal.status()[0]?.state === 'live');
  await issuedMs();
  const before = polls();
  later(HOUR);
  // the answer is counted at the CA before it is known here
  await until('asked again', async () => {
    const { askAgainMs = 0 } = (await states.read(name))?.renewal ?? {};
    return polls() > before && askAgainMs > clock.now();
  });
  t.equal(ca.orders().length, 1, 'the window is far away');

  const early: number[] = [];
  const replaced = async (ms: number): Promise<void> => {
    const last = serial();
    later(ms);
    await until(`early order ${early.length + 1}`, () => ![last, null].includes(serial()), 30_000);
    early.push(await issuedMs());
  };
  isNow = true;
  const nowMs = clock.now();
  await replaced(5 * MINUTE);
  t.ok((early[0] ?? Infinity) - nowMs < 10 * MINUTE, 'within minutes, an hour after the issue');
  for (const last of [1, 2, 3, 4]) {
    await until('planned', () => plannedMs() === (early[last - 1] ?? 0) + HOUR);
    t.equal(ca.orders().length, 1 + last, 'but not within the hour');
    await replaced(HOUR);
  }
  await until('the ceiling', () => plannedMs() === (early[0] ?? 0) + 7 * DAY);
  const asked = polls();
  later(DAY);
  await until('asked, and told that it should be now', async () => {
    const { askAgainMs = 0 } = (await states.read(name))?.renewal ?? {};
    return polls() > asked && askAgainMs > clock.now() && plannedMs() === (early[0] ?? 0) + 7 * DAY;
  });
  t.equal(ca.orders().length, 6, 'five in seven days are the most');
  await replaced(6 * DAY);
  t.equal(ca.orders().length, 7);
  t.ok(
    ca.orders().every(({ replaces }, index) => index === 0 || replaces !== undefined),
    'each says what it replaces',
  );
});

t.test('two supervisors on one storage: each thing is done once', async (t) => {
  const { path, ca } = await folderAndCa(t);
  const [one, two] = [await supervisorOn(t, path, ca), await supervisorOn(t, path, ca)];
  one.start();
  two.start();
  const both = (what: string, serial?: string | null): Promise<true> =>
    until(
      what,
      () => {
        const [a, b] = [one.serial(), two.serial()];
        return a !== null && a !== undefined && a === b && a !== serial;
      },
      30_000,
    );
  await both('issued');
  t.equal(ca.orders().length, 1, 'issued once');
  const first = one.serial();
  for (const supervisor of [one, two]) supervisor.later(80 * 24 * HOUR);
  await both('renewed', first);
  t.equal(ca.orders().length, 2, 'renewed once');
  const second = one.serial();
  await one.operations.revoke(name, 'superseded', forever);
  await both('replaced', second);
  t.equal(ca.orders().length, 3, 'a revocation by one is taken up once');
  t.equal(ca.certificates().filter(({ revoked }) => revoked === 4).length, 1);
  t.equal(ca.accounts().length, 1);
  await Promise.all([one.renewal.stop(), two.renewal.stop()]);

  const kept = await one.store.versions(name);
  const stop = new AbortController();
  const late = { ms: 400 * 24 * HOUR };
  const leaving = [one, two].map(async ({ storage, store, clock, emit }) => {
    const sleep = (ms: number, signal?: AbortSignal) => clock.sleep(ms > 10_000 ? 20 : ms, signal);
    const removed = new RemovedDomains({
      storage,
      store,
      clock: { now: () => clock.now() + late.ms, sleep },
      emit,
    });
    t.same(await removed.configure([]), []);
    await removed.keep(stop.signal);
  });
  await until('both have asked whether anybody has it', async () => {
    return (await one.storage.list('departing')).length === 1;
  });
  late.ms += HOUR;
  await until('archived', async () => (await one.store.read(name)) === undefined);
  await until('asked no more', async () => (await one.storage.list('departing')).length === 0);
  stop.abort();
  await Promise.all(leaving);
  t.equal(await one.store.read(name), undefined, 'removed and expired');
  t.same((await one.store.versions(name)).length, kept.length + 1, 'archived once, with those before it');
  t.same([...one.of('storage.failed'), ...two.of('storage.failed')], []);
});
