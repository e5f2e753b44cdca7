import t from 'tap';
import {
  chooseDue,
  createEntry,
  MOST_AT_ONCE,
  type Entry,
} from '../../../../src/cert/renewal/queue/entry.ts';

const certificate = (notAfterMs: number): NonNullable<Entry['certificate']> => ({
  domain: 'a.example.com',
  source: 'acme',
  issuer: 'x',
  serial: '1',
  fingerprint: 'f',
  notBeforeMs: 0,
  notAfterMs,
});
const failedOnce = { failures: 1, nextAttemptMs: 0, lastIssuedMs: 0, lastProblem: null };
const entry = (name: string, more: Partial<Entry> = {}): Entry => ({ ...createEntry(name), ...more });
const names = (entries: readonly Entry[]): readonly string[] => entries.map(({ name }) => name);

t.test('renewals first, then what has not failed, then what ends sooner', async (t) => {
  const due = [
    entry('first failed', { state: failedOnce }),
    entry('first'),
    entry('late', { certificate: certificate(2_000) }),
    entry('failed', { certificate: certificate(1_000), state: failedOnce }),
    entry('soon', { certificate: certificate(1_500) }),
  ];
  t.same(names(chooseDue(due, [])), ['soon', 'late', 'failed', 'first', 'first failed']);
});

t.test('no kind of name takes all the room', async (t) => {
  const many = (more: Partial<Entry>): Entry[] =>
    Array.from({ length: 20 }, (_, index) => entry(`${index}`, more));
  const renewals = many({ certificate: certificate(1) });
  t.equal(chooseDue(renewals, []).length, MOST_AT_ONCE);
  t.equal(chooseDue(many({}), []).length, 6, 'first issues');
  t.equal(chooseDue(many({ certificate: certificate(1), state: failedOnce }), []).length, 4, 'failed ones');
  t.equal(chooseDue(renewals, many({}).slice(0, 6)).length, 2, 'next to what runs');
  t.equal(chooseDue(many({}), many({}).slice(0, 6)).length, 0);
  t.equal(chooseDue(renewals, renewals.slice(0, 8)).length, 0);
});
