// The renewal loop on the whole corridor against the test CA: its wishes followed end to end, and two keepers on one storage
// that issue, renew, take a revocation up and let a name go, each once.

import t, { type Test } from 'tap';
import { createByHand } from '../../src/cert/by-hand.ts';
import { watchChanges } from '../../src/cert/changes.ts';
import { createDeparted } from '../../src/cert/departed.ts';
import { createIssue } from '../../src/cert/issue.ts';
import { createAcmeIssuer } from '../../src/cert/issuers/acme.ts';
import { Renewal } from '../../src/cert/renew.ts';
import { createCertificateStore } from '../../src/cert/store.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createFileStorage } from '../../src/storage/file.ts';
import { acmeCa, type AcmeCa, type AcmeCaOptions } from '../helpers/acme-ca.ts';
import * as faults from '../helpers/acme-ca/faults.ts';
import { challengeServer } from '../helpers/challenge-server.ts';
import { recorder } from '../helpers/recorder.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { until } from '../helpers/until.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const name = 'links.example.com';
const forever = new AbortController().signal;

/** A keeper on the folder, as app/keeper.ts puts one together, with a clock that can be set ahead. */
const keeperOn = async (t: Test, path: string, ca: Pick<AcmeCa, 'directory' | 'caFile'>) => {
  const ahead = { ms: 0 };
  const clock = { ...systemClock, now: () => Date.now() + ahead.ms };
  const storage = createFileStorage({ path, clock });
  await storage.open();
  const store = createCertificateStore({ storage });
  const { emit, of } = recorder();
  const settings = {
    type: 'acme',
    name: 'test-ca',
    directory: ca.directory,
    caFile: ca.caFile,
    challenges: ['http-01'],
  } as const;
  const issuers = [createAcmeIssuer({ settings, keyType: 'ecdsa-p256', storage, clock })];
  const issue = createIssue({ storage, store, issuers, clock, emit });
  const create = (): Renewal =>
    new Renewal({
      names: [name],
      store,
      issue,
      clock,
      random: Math.random,
      emit,
      onStored: () => undefined,
      renewalInfo: async (certificate, signal) => issuers[0]?.renewalInfo?.(certificate, signal),
    });
  const renewal = create();
  const stop = new AbortController();
  t.teardown(async () => {
    stop.abort();
    await renewal.stop();
  });
  const start = (): void => {
    renewal.start();
    const onChange = (one: string): void => renewal.reread(one);
    void watchChanges({ storage, clock, emit, onChange }, stop.signal);
  };
  const hand = createByHand({ names: [name], storage, store, issue, issuers, clock });
  const serial = (): string | null | undefined => renewal.status()[0]?.serial;
  /** the clock goes on, and the loop looks at it now */
  const later = (ms: number): void => {
    ahead.ms += ms;
    renewal.reread(name);
  };
  return { storage, store, clock, emit, of, renewal, start, hand, serial, later };
};

const setUp = async (t: Test, options: AcmeCaOptions = {}) => {
  const path = tempDir(t);
  const storage = createFileStorage({ path, clock: systemClock });
  await storage.open();
  const ca = await acmeCa(t, { httpPort: await challengeServer(t, storage), ...options });
  return { path, ca };
};

t.test('the CA pulls a window forward: renewed with replaces, also when it says that was done', async (t) => {
  let isPulled = false;
  const { path, ca } = await setUp(t, {
    renewalInfo: ({ notBeforeMs, notAfterMs }) => ({
      suggestedWindow: isPulled
        ? { start: new Date(notBeforeMs - 2 * HOUR).toISOString(), end: new Date(notBeforeMs).toISOString() }
        : { start: new Date(notAfterMs - 48 * HOUR).toISOString(), end: new Date(notAfterMs).toISOString() },
    }),
  });
  const { start, serial, later, renewal, store } = await keeperOn(t, path, ca);
  start();
  await until('the first one', () => renewal.status()[0]?.state === 'live');
  const first = serial();
  await until('asked', async () => (await store.readState(name))?.renewal !== undefined);
  t.equal(ca.orders().length, 1);
  isPulled = true;
  // on the wire it is taken back by the CA: a first try to replace it is refused as done already
  ca.faults.set('newOrder', (times) => (times === 2 ? faults.alreadyReplaced : undefined));
  later(7 * HOUR);
  await until('the second one', () => serial() !== first, 20_000);
  t.equal(ca.steps.filter((step) => step === 'newOrder').length, 3, 'asked again without replaces');
  t.equal(ca.orders().at(-1)?.replaces, undefined);
  ca.faults.clear();
  const second = serial();
  later(7 * HOUR);
  await until('the wish for the second', () => ca.steps.filter((step) => step === 'renewalInfo').length >= 3);
  t.equal(serial(), second, 'two in a lifetime are the most, whatever the CA wishes');
  await renewal.stop();

  isPulled = false;
  const other = await setUp(t);
  const next = await keeperOn(t, other.path, other.ca);
  next.start();
  await until('the first one', () => next.renewal.status()[0]?.state === 'live');
  const before = next.serial();
  other.ca.faults.set('renewalInfo', () => faults.malformed);
  next.later(61 * 24 * HOUR);
  next.later(14 * 24 * HOUR);
  await until('an id it calls malformed stops no renewal', () => next.serial() !== before, 20_000);
  t.equal(other.ca.orders().at(-1)?.replaces, other.ca.certificates()[0]?.id, 'and says what it replaces');
});

t.test('two keepers on one storage: each thing is done once', async (t) => {
  const { path, ca } = await setUp(t);
  const [one, two] = [await keeperOn(t, path, ca), await keeperOn(t, path, ca)];
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
  for (const keeper of [one, two]) keeper.later(80 * 24 * HOUR);
  await both('renewed', first);
  t.equal(ca.orders().length, 2, 'renewed once');
  const second = one.serial();
  await one.hand.revoke(name, 'superseded', forever);
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
    const departed = createDeparted({
      storage,
      store,
      clock: { now: () => clock.now() + late.ms, sleep },
      emit,
    });
    t.same(await departed.configure([]), []);
    await departed.keep(stop.signal);
  });
  await until('both have asked whether anybody has it', async () => {
    return (await one.storage.list('departing')).length === 1;
  });
  late.ms += HOUR;
  await until('archived', async () => (await one.store.read(name)) === undefined);
  await until('asked no more', async () => (await one.storage.list('departing')).length === 0);
  stop.abort();
  await Promise.all(leaving);
  t.equal(await one.store.read(name), undefined, 'departed and expired');
  t.same((await one.store.versions(name)).length, kept.length + 1, 'archived once, with those before it');
  t.same([...one.of('storage.failed'), ...two.of('storage.failed')], []);
});

t.test('whatever a CA answers, the name says so, waits, and is live once the CA works', async (t) => {
  const day = 24 * HOUR;
  const cases = [
    ['429 in seconds', faults.rateLimited(1_800), /rateLimited/, 1_800_000],
    ['429 as a date', faults.rateLimited(new Date(Date.now() + 2 * HOUR)), /rateLimited/, 2 * HOUR - MINUTE],
    ['429 of a year', faults.rateLimited(365 * 86_400), /rateLimited/, day - MINUTE],
    ['503 with HTML', faults.unavailable, /ERR_ACME_UNREACHABLE/, 0],
    ['reset', 'reset', /ERR_ACME_UNREACHABLE/, 0],
    ['a storm of badNonce', faults.badNonce, /ERR_ACME_UNREACHABLE/, 0],
    ['10 MB', faults.endless('application/json'), /ERR_ACME_UNREACHABLE/, 0],
    ['a refusal', faults.problem(403, 'rejectedIdentifier'), /rejectedIdentifier/, 0],
    ['no account', faults.problem(400, 'accountDoesNotExist'), /accountDoesNotExist/, 0],
  ] as const;
  const play = async ([what, fault, type, waitMs]: (typeof cases)[number]): Promise<void> => {
    const { path, ca } = await setUp(t, { judge: () => 'valid' });
    ca.faults.set('newOrder', () => fault);
    const { renewal, start, later, of } = await keeperOn(t, path, ca);
    start();
    const problem = await until(what, () => renewal.status()[0]?.lastProblem ?? undefined, 20_000);
    t.match(problem, { type, issuer: 'test-ca' }, what);
    const pausedMs = Date.parse(renewal.status()[0]?.nextAttempt ?? '') - Date.now();
    t.ok(pausedMs > Math.max(waitMs - MINUTE, 20_000) && pausedMs <= day, `${what}: ${pausedMs} ms`);
    ca.faults.clear();
    later(day + MINUTE);
    await until(`${what}: live`, () => renewal.status()[0]?.state === 'live', 20_000);
    t.equal(ca.orders().length, 1, `${what}: one order`);
    t.equal(of('storage.failed').length, 0);
  };
  for (const one of cases) await play(one);
});
