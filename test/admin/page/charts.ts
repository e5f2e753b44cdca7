import t from 'tap';
import { charts, niceTop } from '../../../src/admin/page/charts.ts';
import { SAMPLE_MS, type Sample } from '../../../src/admin/traffic.ts';
import { NOW_MS } from '../../helpers/sample-page.ts';

const sample = (ago: number, perSecond: number, medianMs?: number): Sample => ({
  atMs: NOW_MS - ago * SAMPLE_MS,
  perSecond,
  medianMs,
  slowMs: medianMs === undefined ? undefined : medianMs * 2,
});
const lines = (text: string): string[] =>
  [...text.matchAll(/class="line" d="([^"]*)"/g)].map(([, d = '']) => d);

t.test('scales that a person reads', async (t) => {
  for (const [value, top] of [
    [0, 1],
    [0.07, 0.08],
    [0.9, 1],
    [1, 1],
    [1.1, 2],
    [61, 80],
    [100, 100],
    [101, 200],
    [4_321, 6_000],
  ] as const) {
    t.ok(Math.abs(niceTop(value) - top) < top / 1e6, String(value));
  }
});

t.test('one line of requests, two of time, newest at the right edge', async (t) => {
  const shown = `${charts([sample(2, 10, 40), sample(1, 20, 50), sample(0, 40, 60)], NOW_MS)}`;
  t.strictSame(lines(shown), [
    'M18.0 75.0L19.0 50.0L20.0 0.0',
    'M18.0 60.0L19.0 50.0L20.0 40.0',
    'M18.0 80.0L19.0 75.0L20.0 70.0',
  ]);
  t.match(
    shown,
    /aria-label="Requests a second over the last hour: 23 now, at most 40 within the last hour"/,
  );
  t.match(shown, /half of the requests within 60 ms now, 95 of 100 within 120 ms/);
});

t.test('a proxy that has just started fills a shorter picture', async (t) => {
  for (const [ago, start] of [
    [20, '5 minutes ago'],
    [21, '15 minutes ago'],
    [61, 'an hour ago'],
  ] as const) {
    const shown = `${charts([sample(ago, 1)], NOW_MS)}`;
    t.match(shown, new RegExp(`<span>${start}</span>`));
    t.match(lines(shown)[0], /^M\d/);
  }
});

t.test('nothing yet, a gap, a single sample, what is older than an hour', async (t) => {
  const none = `${charts([], NOW_MS)}`;
  t.strictSame(lines(none), []);
  t.match(none, /first figures come within half a minute/);
  const gap = [sample(9, 1, 10), sample(8, 1, 10), sample(7, 0), sample(6, 1, 10), sample(0, 1, 10)];
  t.equal(lines(`${charts(gap, NOW_MS)}`).length, 2 + 3 + 3, 'also where no sample was taken');
  t.match(lines(`${charts([sample(1, 1)], NOW_MS)}`), ['M19.0 0.0h1']);
  t.strictSame(lines(`${charts([sample(300, 1)], NOW_MS)}`), []);
  t.notMatch(`${charts([sample(0, Number.NaN), sample(0, Infinity)], NOW_MS)}`, /undefined/);
});
