import t from 'tap';
import { renewAtMs } from '../../../src/cert/renewal/plan.ts';
import { createEntry, type Entry } from '../../../src/cert/renewal/queue/entry.ts';
import { NOTHING_YET } from '../../../src/cert/state/issuance-state.ts';
import { renewalFigures } from '../../../src/cert/renewal/figures.ts';

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 0, 100);

/** A name whose certificate of 90 days is `age` days old. */
const entry = (age: number, part: Partial<Entry> = {}): Entry => ({
  ...createEntry('a.example'),
  isKnown: true,
  certificate: {
    domain: 'a.example',
    source: 'acme',
    issuer: 'letsencrypt',
    serial: '01',
    fingerprint: 'f',
    notBeforeMs: NOW - age * DAY,
    notAfterMs: NOW + (90 - age) * DAY,
  },
  ...part,
});

const withWindow = (startDays: number, endDays: number, fingerprint = 'f'): Partial<Entry> => ({
  state: {
    ...NOTHING_YET,
    renewal: {
      fingerprint,
      windowStartMs: NOW + startDays * DAY,
      windowEndMs: NOW + endDays * DAY,
      askAgainMs: NOW + DAY,
    },
  },
});

t.test('nothing is known while there is no certificate', (t) => {
  t.strictSame(renewalFigures([createEntry('a.example')], NOW), {
    windows: { ahead: 0, open: 0, past: 0, none: 0 },
    soonestWindowMs: undefined,
    soonestRenewalMs: undefined,
    latenessRatio: 0,
    leastRemainingRatio: undefined,
  });
  t.end();
});

t.test('the latest renewal and the least share left, over all names', (t) => {
  const wanted = (one: Entry): number => (one.certificate ? renewAtMs(one.certificate, one.state, NOW) : NaN);
  const [fresh, late] = [entry(10), entry(72)];
  t.equal(renewalFigures([fresh], NOW).latenessRatio, 0);
  t.equal(renewalFigures([fresh], NOW).soonestRenewalMs, wanted(fresh));
  const figures = renewalFigures([fresh, late, entry(30)], NOW);
  t.equal(figures.soonestRenewalMs, wanted(late));
  t.equal(figures.latenessRatio, (NOW - wanted(late)) / (90 * DAY));
  t.ok(figures.latenessRatio > 0.05 && figures.latenessRatio < 0.14, `${figures.latenessRatio}`);
  t.equal(figures.leastRemainingRatio, 18 / 90);
  t.equal(renewalFigures([entry(100)], NOW).leastRemainingRatio, 0, 'an expired one has none left');
  t.end();
});

t.test('what the loop has reckoned is believed, unless a pause is in it', (t) => {
  const dueQueuedMs = NOW + 3 * DAY;
  t.equal(renewalFigures([entry(72, { dueQueuedMs })], NOW).soonestRenewalMs, dueQueuedMs);
  const failing = entry(72, {
    dueQueuedMs,
    state: { ...NOTHING_YET, failures: 2, nextAttemptMs: dueQueuedMs },
  });
  t.ok((renewalFigures([failing], NOW).soonestRenewalMs ?? Infinity) < NOW, 'a name that pauses is late');
  t.end();
});

t.test('an imported one is never late, and still has an end', (t) => {
  const imported = entry(85);
  const { certificate } = imported;
  if (certificate !== undefined) imported.certificate = { ...certificate, source: 'import' };
  const figures = renewalFigures([imported], NOW);
  t.equal(figures.latenessRatio, 0);
  t.equal(figures.soonestRenewalMs, undefined);
  t.equal(figures.leastRemainingRatio, 5 / 90);
  t.strictSame(figures.windows, { ahead: 0, open: 0, past: 0, none: 0 }, 'no CA is asked about it');
  t.end();
});

t.test('windows by where now is to them', (t) => {
  const figures = renewalFigures(
    [
      entry(10, withWindow(50, 52)),
      entry(10, withWindow(40, 42)),
      entry(60, withWindow(-1, 1)),
      entry(60, withWindow(-3, -1)),
      entry(10, withWindow(1, 2, 'of another certificate')),
      entry(10),
      entry(10, {
        state: {
          ...NOTHING_YET,
          renewal: { fingerprint: 'f', windowStartMs: 0, windowEndMs: 0, askAgainMs: NOW },
        },
      }),
    ],
    NOW,
  );
  t.strictSame(figures.windows, { ahead: 2, open: 1, past: 1, none: 3 });
  t.equal(figures.soonestWindowMs, NOW + 40 * DAY);
  t.end();
});
