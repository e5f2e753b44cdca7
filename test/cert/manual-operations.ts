import t from 'tap';
import { createManualOperations } from '../../src/cert/manual-operations.ts';
import { createIssue } from '../../src/cert/renewal/issue.ts';
import { createLocalIssuer } from '../../src/cert/local-ca/local-ca.ts';
import type { Issuer } from '../../src/cert/issuers/issuer.ts';
import { isRenewalDue } from '../../src/cert/renewal/plan.ts';
import { createCertificateStore } from '../../src/cert/state/store.ts';
import { LinkgateError } from '../../src/core/errors.ts';
import { createMemoryStorage } from '../../src/storage/memory.ts';
import { fakeClock } from '../helpers/fake-clock.ts';
import { createPki } from '../helpers/pki.ts';
import { recorder } from '../helpers/recorder.ts';
import { withUnreadable } from '../helpers/unreadable.ts';

const { signal } = new AbortController();
const a = 'a.example.com';
const b = 'b.example.com';
const pki = createPki();

/** A CA by ACME in all but the protocol. */
const setUp = (look?: LinkgateError) => {
  const clock = fakeClock(Date.now());
  const storage = createMemoryStorage();
  const store = createCertificateStore({ storage });
  const local = createLocalIssuer({ storage: createMemoryStorage(), keyType: 'ecdsa-p256', clock });
  const revoked: (string | number)[] = [];
  const failing: { error?: LinkgateError } = {};
  const ca: Issuer = {
    source: 'acme',
    issuer: 'test-ca',
    directory: 'https://ca.example/directory',
    obtain: async (name, aborted) => {
      if (failing.error !== undefined) throw failing.error;
      return local.obtain(name, aborted);
    },
    revoke: async ({ serial }, reason) => void revoked.push(serial, reason),
  };
  const { emit } = recorder();
  const issue = createIssue({ storage, store, issuers: [ca], clock, emit });
  const hand = createManualOperations({
    names: [a, b],
    storage,
    store,
    issue,
    issuers: [ca],
    clock,
    random: () => 0,
    ...(look === undefined ? {} : { look: async () => look }),
  });
  const notes = async (): Promise<number> => (await storage.list('changes')).length;
  return { clock, storage, store, hand, revoked, notes, failing };
};

t.test('a certificate is issued once, renewed by wish, and each change leaves a note', async (t) => {
  const { hand, notes, store, clock } = setUp();
  t.match(await hand.list(), [
    { domain: a, state: 'pending' },
    { domain: b, state: 'pending' },
  ]);
  const first = await hand.issue(a, false, signal);
  t.match(first, { state: 'live', source: 'acme' });
  t.equal(await notes(), 1);
  t.equal((await hand.issue(a, false, signal)).serial, first.serial, 'there is one');
  t.match(await store.readState(a), { lastIssuedMs: clock.now() }, 'and it counts for the plan');
  t.match(await hand.renew([a], false, signal), [{ status: { serial: first.serial } }], 'it is not due');
  const second = (await hand.renew([a], true, signal))[0]?.status;
  t.not(second?.serial, first.serial);
  t.equal(await notes(), 2);
  t.match(await hand.renew([], false, signal), [
    { domain: a, status: { serial: second?.serial } },
    { domain: b, status: { domain: b, state: 'live' } },
  ]);
});

t.test('a renewal that fails does not hold up the next one', async (t) => {
  const { hand, failing } = setUp();
  await hand.import(b, pki.leaf([b]), signal);
  failing.error = new LinkgateError('ERR_ACME_UNAUTHORIZED', 'validation failed');
  t.match(await hand.renew([a, b], true, signal), [
    { domain: a, status: { state: 'failing' }, problem: { code: 'ERR_ACME_UNAUTHORIZED' } },
    { domain: b, status: { state: 'live' }, problem: { code: 'ERR_CERT_IMPORTED' } },
  ]);
  t.match(await hand.renew([], true, signal), [{ domain: a, problem: LinkgateError }, { domain: b }]);
  await t.rejects(hand.renew(['nobody.example.com'], true, signal), { code: 'ERR_CERT_UNKNOWN_NAME' });
  const stop = new AbortController();
  stop.abort(new LinkgateError('ERR_USAGE', 'command was interrupted'));
  await t.rejects(hand.renew([], true, stop.signal), { code: 'ERR_USAGE' }, 'but a person does');
});

t.test('what speaks against an order is said at once, and --force goes on', async (t) => {
  const { hand } = setUp(new LinkgateError('ERR_CERT_NAME_UNREADY', 'name "a.example.com" has no address'));
  await t.rejects(hand.issue(a, false, signal), { code: 'ERR_CERT_NAME_UNREADY' });
  t.match(await hand.show(a), { state: 'failing', lastProblem: { type: 'ERR_CERT_NAME_UNREADY' } });
  t.match(await hand.issue(a, true, signal), { state: 'live' });
});

t.test('an order by hand that fails is shown to everybody, and shortens no pause', async (t) => {
  const { hand, failing, store, clock, notes } = setUp();
  failing.error = new LinkgateError('ERR_ACME_UNAUTHORIZED', 'validation failed', {
    details: { type: 'urn:ietf:params:acme:error:dns', detail: 'NXDOMAIN' },
  });
  await t.rejects(hand.issue(a, false, signal), { code: 'ERR_ACME_UNAUTHORIZED' });
  const problem = { type: 'urn:ietf:params:acme:error:dns', detail: 'NXDOMAIN', issuer: 'test-ca' };
  t.match((await hand.list())[0], { state: 'failing', lastProblem: problem });
  t.match(await hand.show(a), { lastProblem: problem });
  t.equal(await notes(), 1, 'the running proxy hears of it');
  t.match(await store.readState(a), { failures: 1, nextAttemptMs: clock.now() + 60_000 });
  await store.writeState(a, {
    failures: 9,
    nextAttemptMs: clock.now() + 7_200_000,
    lastIssuedMs: 0,
    lastProblem: null,
  });
  t.match(await hand.renew([a], true, signal), [{ problem: { code: 'ERR_ACME_UNAUTHORIZED' } }]);
  t.match(await store.readState(a), { failures: 10, nextAttemptMs: clock.now() + 14_400_000 });
  const stop = new AbortController();
  stop.abort(new LinkgateError('ERR_USAGE', 'command was interrupted'));
  await t.rejects(hand.issue(a, false, stop.signal));
  t.match(await store.readState(a), { failures: 10 }, 'nor is it a failure to be interrupted');
  delete failing.error;
  t.match(await hand.issue(a, false, signal), { state: 'live', lastProblem: null });
});

t.test('revoked at its own CA, then planned for now', async (t) => {
  const { hand, revoked, store, clock, notes } = setUp();
  await t.rejects(hand.revoke(a, 'keyCompromise', signal), { code: 'ERR_CERT_ABSENT' });
  const { serial } = await hand.issue(a, false, signal);
  await t.rejects(hand.revoke(a, 'toString', signal), { code: 'ERR_USAGE', message: /keyCompromise/ });
  const row = await hand.revoke(a, 'keyCompromise', signal);
  t.same(revoked, [serial, 1]);
  t.equal(row.nextAttempt, new Date(clock.now()).toISOString());
  const stored = await store.read(a);
  t.ok(
    stored !== undefined && isRenewalDue(stored, await store.readState(a), clock.now()),
    'for every process',
  );
  t.equal(await notes(), 2);
});

t.test('an imported certificate is served, left alone, and replaced only by force', async (t) => {
  const { hand } = setUp();
  const leaf = pki.leaf([a]);
  const imported = await hand.import(a, leaf, signal);
  t.match(imported, { source: 'import', state: 'live', nextAttempt: null });
  await t.rejects(hand.issue(a, false, signal), { code: 'ERR_CERT_IMPORTED' });
  t.match(await hand.renew([a], true, signal), [{ problem: { code: 'ERR_CERT_IMPORTED' } }]);
  await t.rejects(hand.revoke(a, 'unspecified', signal), {
    code: 'ERR_CERT_IMPORTED',
    message: /source "import"/,
  });
  t.match(await hand.renew([], true, signal), [
    { status: { serial: imported.serial } },
    { domain: b, status: { state: 'live' } },
  ]);
  t.match(await hand.issue(a, true, signal), { source: 'acme' });
  t.match(await hand.show(a), { versions: [imported.serial] });
});

t.test('a refused import changes nothing', async (t) => {
  const { hand, notes } = setUp();
  const { serial } = await hand.issue(a, false, signal);
  await t.rejects(hand.import(a, pki.leaf([b]), signal), { code: 'ERR_CERT_INVALID' });
  await t.rejects(hand.import('c.example.com', pki.leaf(['c.example.com']), signal), {
    code: 'ERR_CERT_UNKNOWN_NAME',
  });
  t.equal((await hand.show(a)).serial, serial);
  t.equal(await notes(), 1);
});

t.test('an import waits for the order of another process, and goes after it', async (t) => {
  const { hand, storage } = setUp();
  const lock = await storage.lock(a, signal);
  let isDone = false;
  const work = hand.import(a, pki.leaf([a]), signal).then((row) => {
    isDone = true;
    return row;
  });
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(isDone, false);
  await lock.release();
  t.match(await work, { source: 'import' });
});

t.test('removed names and broken values are shown, not hidden', async (t) => {
  const { hand, store, storage } = setUp();
  const gone = 'gone.example.com';
  await store.write(gone, { ...pki.leaf([gone]), source: 'acme', issuer: 'test-ca' });
  await storage.write(`certificates/${b}.pem`, 'torn');
  t.match(await hand.list(), [
    { domain: a },
    { domain: b, state: 'failing', lastProblem: { type: 'ERR_CERT_INVALID' } },
    { domain: gone, state: 'retired', nextAttempt: null },
  ]);
  t.match(await hand.show(gone), { names: [gone], chain: ['CN=gone.example.com', 'CN=linkgate test root'] });
  t.match(await hand.export(gone), { domain: gone });
  await t.rejects(hand.show('c.example.com'), { code: 'ERR_CERT_UNKNOWN_NAME' });
  await t.rejects(hand.export('c.example.com'), { code: 'ERR_CERT_UNKNOWN_NAME' });
  t.match(await hand.issue(b, false, signal), { state: 'live' }, 'a broken one is ordered anew');
});

t.test('a name whose file cannot be read is shown, and the others too', async (t) => {
  const { clock, storage, hand } = setUp();
  for (const name of [a, b]) await hand.issue(name, false, signal);
  const unreadable = withUnreadable(storage, (key) => key.includes(a));
  const store = createCertificateStore({ storage: unreadable });
  const issue = async (): Promise<never> => Promise.reject(new Error('not asked'));
  const other = createManualOperations({
    names: [a, b],
    storage: unreadable,
    store,
    issue,
    issuers: [],
    clock,
  });
  t.match(await other.list(), [
    { domain: a, state: 'failing', lastProblem: { type: 'ERR_STORAGE_UNREADABLE' } },
    { domain: b, state: 'live' },
  ]);
});

t.test('the wish of the CA is shown', async (t) => {
  const { hand, store } = setUp();
  await hand.issue(a, false, signal);
  const fingerprint = (await store.read(a))?.fingerprint ?? '';
  const renewal = {
    fingerprint,
    windowStartMs: 1_000,
    windowEndMs: 2_000,
    askAgainMs: 0,
    explanationUrl: 'https://x/',
  };
  await store.writeState(a, { failures: 0, nextAttemptMs: 0, lastIssuedMs: 0, lastProblem: null, renewal });
  t.match(await hand.show(a), {
    renewalWindow: {
      start: '1970-01-01T00:00:01.000Z',
      end: '1970-01-01T00:00:02.000Z',
      explanationUrl: 'https://x/',
    },
  });
});
