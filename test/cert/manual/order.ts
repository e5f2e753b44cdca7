import t from 'tap';
import { LinkgateError } from '../../../src/core/errors.ts';
import { a, b, manualOn } from '../../helpers/manual.ts';
import { createPki } from '../../helpers/pki.ts';

const { signal } = new AbortController();
const pki = createPki();
const MINUTE = 60_000;
const DAY = 86_400_000;

t.test(
  'a certificate is issued once, renewed when it is forced, and each change leaves a note',
  async (t) => {
    const { operations, notes, states, clock } = manualOn();
    t.match(await operations.list(), [
      { domain: a, state: 'pending' },
      { domain: b, state: 'pending' },
    ]);
    const first = await operations.issue(a, false, signal);
    t.match(first, { state: 'live', source: 'acme' });
    t.equal(await notes(), 1);
    t.equal((await operations.issue(a, false, signal)).serial, first.serial, 'there is one');
    t.match(await states.read(a), { lastIssuedMs: clock.now() }, 'and it counts for the plan');
    t.match(
      await operations.renew([a], false, signal),
      [{ status: { serial: first.serial } }],
      'it is not due',
    );
    const second = (await operations.renew([a], true, signal))[0]?.status;
    t.not(second?.serial, first.serial);
    t.equal(await notes(), 2);
    t.match(await operations.renew([], false, signal), [
      { domain: a, status: { serial: second?.serial } },
      { domain: b, status: { domain: b, state: 'live' } },
    ]);
  },
);

t.test('a renewal that fails does not delay the next one', async (t) => {
  const { operations, failing } = manualOn();
  await operations.import(b, pki.leaf([b]), signal);
  failing.error = new LinkgateError('ERR_ACME_UNAUTHORIZED', 'validation failed');
  t.match(await operations.renew([a, b], true, signal), [
    { domain: a, status: { state: 'failing' }, problem: { code: 'ERR_ACME_UNAUTHORIZED' } },
    { domain: b, status: { state: 'live' }, problem: { code: 'ERR_CERT_IMPORTED' } },
  ]);
  t.match(await operations.renew([], true, signal), [{ domain: a, problem: LinkgateError }, { domain: b }]);
  await t.rejects(operations.renew(['nobody.example.com'], true, signal), { code: 'ERR_CERT_UNKNOWN_NAME' });
  const stop = new AbortController();
  stop.abort(new LinkgateError('ERR_USAGE', 'command was interrupted'));
  await t.rejects(
    operations.renew([], true, stop.signal),
    { code: 'ERR_USAGE' },
    'but the person who interrupts does',
  );
});

t.test('a problem that preflight finds is shown at once, and --force orders in any case', async (t) => {
  const { operations } = manualOn(
    new LinkgateError('ERR_CERT_NAME_UNREADY', 'name "a.example.com" has no address'),
  );
  await t.rejects(operations.issue(a, false, signal), { code: 'ERR_CERT_NAME_UNREADY' });
  t.match(await operations.show(a), { state: 'failing', lastProblem: { type: 'ERR_CERT_NAME_UNREADY' } });
  t.match(await operations.issue(a, true, signal), { state: 'live' });
});

t.test('a manual order that fails is shown in every place, and shortens no pause', async (t) => {
  const { operations, failing, states, clock, notes } = manualOn();
  failing.error = new LinkgateError('ERR_ACME_UNAUTHORIZED', 'validation failed', {
    details: { type: 'urn:ietf:params:acme:error:dns', detail: 'NXDOMAIN' },
  });
  await t.rejects(operations.issue(a, false, signal), { code: 'ERR_ACME_UNAUTHORIZED' });
  const problem = { type: 'urn:ietf:params:acme:error:dns', detail: 'NXDOMAIN', issuer: 'test-ca' };
  t.match((await operations.list())[0], { state: 'failing', lastProblem: problem });
  t.match(await operations.show(a), { lastProblem: problem });
  t.equal(await notes(), 1, 'the running proxy reads it');
  t.match(await states.read(a), { failures: 1, nextAttemptMs: clock.now() + 60_000 });
  await states.update(a, {}, () => ({
    failures: 9,
    nextAttemptMs: clock.now() + 7_200_000,
    lastIssuedMs: 0,
    lastProblem: null,
  }));
  t.match(await operations.renew([a], true, signal), [{ problem: { code: 'ERR_ACME_UNAUTHORIZED' } }]);
  t.match(await states.read(a), { failures: 10, nextAttemptMs: clock.now() + 14_400_000 });
  const stop = new AbortController();
  stop.abort(new LinkgateError('ERR_USAGE', 'command was interrupted'));
  await t.rejects(operations.issue(a, false, stop.signal));
  t.match(await states.read(a), { failures: 10 }, 'an interruption is no failure');
  delete failing.error;
  t.match(await operations.issue(a, false, signal), { state: 'live', lastProblem: null });
});

t.test('a manual order that fails has the same retry as one of the loop', async (t) => {
  const { operations, failing, states, clock, store } = manualOn();
  const pause = async (): Promise<number> => ((await states.read(a))?.nextAttemptMs ?? 0) - clock.now();
  failing.error = new LinkgateError('ERR_ACME_UNREACHABLE', 'down');
  const failed = (failures: number, nextAttemptMs = 0) => ({
    failures,
    nextAttemptMs,
    lastIssuedMs: 0,
    lastProblem: null,
  });
  await states.update(a, {}, () => failed(3, clock.now() + 365 * DAY));
  await operations.renew([a], true, signal);
  t.equal(await pause(), 5 * MINUTE, 'a pause from a clock that was wrong does not count');

  const hour = { notBeforeMs: clock.now(), notAfterMs: clock.now() + 60 * MINUTE };
  await store.write(a, { ...pki.leaf([a], hour), source: 'acme', issuer: 'test-ca' });
  await states.update(a, {}, () => failed(9));
  await operations.renew([a], true, signal);
  t.equal(await pause(), 5 * MINUTE, 'a certificate of an hour is not lost in a pause of four hours');

  const unready = new LinkgateError('ERR_CERT_NAME_UNREADY', 'name "a.example.com" has no address');
  const checked = manualOn(unready);
  checked.random.value = 0.8;
  await t.rejects(checked.operations.issue(a, false, signal), unready);
  const { nextAttemptMs = 0 } = (await checked.states.read(a)) ?? {};
  t.equal(
    nextAttemptMs - checked.clock.now(),
    3 * MINUTE * 1.2,
    'names that failed together do not come back together',
  );
});
