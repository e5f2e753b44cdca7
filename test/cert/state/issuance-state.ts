import t from 'tap';
import { formatState, NOTHING_YET, parseState } from '../../../src/cert/state/issuance-state.ts';

const state = {
  failures: 3,
  nextAttemptMs: 5,
  lastIssuedMs: 0,
  lastProblem: { at: 'a', issuer: 'b', type: 'c', detail: 'd', remedy: 'e' },
};
const stored = (fields: object): string => JSON.stringify({ version: 1, ...fields });

t.test('a state comes back as it was written', async (t) => {
  for (const one of [state, NOTHING_YET, { ...state, challenge: 'tls-alpn-01' } as const]) {
    t.same(parseState(formatState(one)), one);
  }
  t.equal(formatState(NOTHING_YET).at(-1), '\n');
});

t.test('a text that cannot be understood is no state', async (t) => {
  for (const text of [
    '',
    '{',
    'null',
    '[]',
    '5',
    '{"version":1}',
    '{"version":1,"failures":-1}',
    '{"failures":1}',
    JSON.stringify({ version: 2, ...state }),
  ]) {
    t.equal(parseState(text), undefined, text);
  }
});

t.test('a field that cannot be understood is left out', async (t) => {
  t.same(parseState(stored({ ...state, challenge: 'tls-sni-01' })), state);
  t.same(parseState(stored({ ...state, lastProblem: 'no' })), { ...state, lastProblem: null });
});

t.test('the window of the CA is kept', async (t) => {
  const renewal = { fingerprint: 'aa', windowStartMs: 1, windowEndMs: 2, askAgainMs: 3, explanationUrl: 'u' };
  t.same(parseState(stored({ ...state, renewal })), { ...state, renewal });
  t.same(parseState(stored({ ...state, renewal: { ...renewal, windowStartMs: NaN } })), state);
});

t.test('the times of early orders are kept, and older states have none', async (t) => {
  const older = { failures: 0, nextAttemptMs: 0, lastIssuedMs: 9, issuedBeforeMs: 3, lastProblem: null };
  t.same(parseState(stored(older)), older);
  const newer = { ...older, regularIssuedMs: 0, earlyIssuedMs: [7, 9] };
  t.same(parseState(formatState(newer)), newer);
  for (const earlyIssuedMs of [[7, -1], [7, '9'], 7, { 0: 7 }, null]) {
    t.same(parseState(stored({ ...older, earlyIssuedMs })), older);
  }
});
