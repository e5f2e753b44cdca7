import t from 'tap';
import type { Issued } from '../../../src/cert/renewal/issue.ts';
import { createAttempt } from '../../../src/cert/renewal/attempt.ts';
import { createEntry, type Entry } from '../../../src/cert/renewal/queue/entry.ts';
import { NOTHING_YET } from '../../../src/cert/state/issuance-state.ts';
import { AttemptRecords } from '../../../src/cert/renewal/attempt-records.ts';
import type { IssuanceState } from '../../../src/cert/state/issuance-state.ts';
import type { NameStates } from '../../../src/cert/state/name-state.ts';
import type { StoredCertificate } from '../../../src/cert/state/store.ts';
import { LinkgateError, type ErrorCode } from '../../../src/core/errors.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { recorder } from '../../helpers/recorder.ts';

const MINUTE = 60_000;
const name = 'a.example.com';
const { signal } = new AbortController();

const setUp = (issue: () => Promise<Issued>, state?: IssuanceState) => {
  const clock = fakeClock();
  const { emit, of } = recorder();
  const written: IssuanceState[] = [];
  const store = { read: async () => undefined, glance: async () => undefined };
  const states: Pick<NameStates, 'read' | 'list' | 'update'> = {
    list: async () => new Set<string>(),
    read: async () => state,
    update: async (_name, _wait, change) => {
      const next = change(state);
      if (next !== undefined) written.push(next);
      return next ?? state;
    },
  };
  const attempt = createAttempt({
    states,
    records: new AttemptRecords({ store, states, clock, emit }),
    issue,
    clock,
    random: () => 0,
    emit,
    onStored: () => {
      throw new Error('nobody there');
    },
  });
  const certificate: StoredCertificate = {
    domain: name,
    source: 'acme',
    issuer: 'x',
    keyPem: 'secret',
    chainPem: 'chain',
    serial: '1',
    fingerprint: 'f',
    notBeforeMs: clock.now(),
    notAfterMs: clock.now() + 90 * MINUTE,
  };
  return { clock, attempt, of, certificate, written };
};
const fails = (code: ErrorCode) => () => Promise.reject<Issued>(new LinkgateError(code, 'no'));

t.test('what was issued is remembered, also when the workers cannot be told', async (t) => {
  let issued: Issued | undefined;
  const { attempt, certificate, clock } = setUp(async () => issued as Issued);
  const state = { ...NOTHING_YET, lastIssuedMs: clock.now() };
  issued = { certificate, isNew: true, state };
  const entry = createEntry(name);
  await attempt(entry, signal);
  t.match(entry, { certificate: { serial: '1' }, state });
  t.notMatch(JSON.stringify(entry), 'secret');
});

t.test('the state of a certificate that another process stored is used', async (t) => {
  let issued: Issued | undefined;
  const { attempt, certificate } = setUp(async () => issued as Issued);
  issued = { certificate, isNew: false, state: { ...NOTHING_YET, lastIssuedMs: 5 } };
  const entry: Entry = { ...createEntry(name), state: { ...NOTHING_YET, failures: 2 } };
  await attempt(entry, signal);
  t.match(entry.state, { failures: 0, lastIssuedMs: 5 });
});

t.test('a failure does not write over what another process issued meanwhile', async (t) => {
  const theirs = { ...NOTHING_YET, lastIssuedMs: 5 };
  const { attempt, of, written } = setUp(fails('ERR_STORAGE_LOCKED'), theirs);
  const entry = createEntry(name);
  await attempt(entry, signal);
  t.ok(entry.isOutdated, 'the entry is read again');
  t.same([written, of('certificate.failed')], [[], []]);
});

t.test('how long a name pauses depends on what failed', async (t) => {
  const paused = async (issue: () => Promise<Issued>, failures: number): Promise<number> => {
    const { attempt, clock } = setUp(issue);
    const entry: Entry = { ...createEntry(name), state: { ...NOTHING_YET, failures } };
    await attempt(entry, signal);
    return (entry.state?.nextAttemptMs ?? 0) - clock.now();
  };
  t.equal(await paused(fails('ERR_ACME_UNREACHABLE'), 0), MINUTE);
  t.equal(await paused(fails('ERR_ACME_UNREACHABLE'), 4), 10 * MINUTE);
  t.equal(await paused(fails('ERR_STORAGE_LOCKED'), 4), MINUTE);
  t.equal(await paused(fails('ERR_STORAGE_UNAVAILABLE'), 0), MINUTE);
  t.equal(await paused(fails('ERR_STORAGE_UNAVAILABLE'), 3), 5 * MINUTE);
  t.equal(await paused(fails('ERR_STORAGE_UNAVAILABLE'), 20), 10 * MINUTE, 'not for hours');
  t.equal(await paused(fails('ERR_CERT_NAME_UNREADY'), 4), 3 * MINUTE);
});

t.test('a failure is counted on what is stored, and on what could not be stored', async (t) => {
  const { attempt, written } = setUp(fails('ERR_ACME_UNREACHABLE'), { ...NOTHING_YET, failures: 3 });
  await attempt(createEntry(name), signal);
  t.match(written, [{ failures: 4 }], 'another process has counted three');
  await attempt({ ...createEntry(name), state: { ...NOTHING_YET, failures: 7 } }, signal);
  t.match(written[1], { failures: 8 }, 'the storage could not be written four times');
});

t.test('an attempt that is stopped counts as nothing', async (t) => {
  const stop = new AbortController();
  const { attempt, of } = setUp(async () => {
    stop.abort();
    throw new LinkgateError('ERR_ACME_TIMEOUT', 'stopped');
  });
  const entry = createEntry(name);
  await attempt(entry, stop.signal);
  t.equal(entry.state, undefined);
  t.same(of('certificate.failed'), []);
});
