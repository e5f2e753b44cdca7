// The last hour as two small pictures, drawn here: how many requests a second, and how long they took. Numbers next to them say the same
// to who does not see pictures. Lines keep their width at any size; words are never inside the picture, so they keep theirs too.

import { SAMPLE_MS, SAMPLES, type Sample } from '../traffic.ts';
import { html, type Html } from './text/html.ts';

const HEIGHT = 100;

/** How much of the past is drawn. */
interface Span {
  /** the width of the picture */
  readonly samples: number;
  readonly start: string;
}
const HOUR: Span = { samples: SAMPLES, start: 'an hour ago' };
/** of a proxy that has not run for an hour yet */
const SHORTER: readonly Span[] = [
  { samples: 20, start: '5 minutes ago' },
  { samples: 60, start: '15 minutes ago' },
];

const spanOf = (samples: readonly Sample[], nowMs: number): Span => {
  const ageMs = nowMs - (samples[0]?.atMs ?? nowMs);
  return SHORTER.find((span) => ageMs <= span.samples * SAMPLE_MS) ?? HOUR;
};

/** A top of the scale not below `value` whose half is a plain number as well. */
export const niceTop = (value: number): number => {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 3, 4, 6, 8, 10].map((step) => step * power).find((top) => top >= value * 0.999) ?? 10 * power;
};

/** `0`, `0.3`, `12`, `1,240` */
const short = (value: number): string => {
  if (value === 0) return '0';
  if (value < 0.1) return value.toFixed(2);
  return value < 10 ? String(Number(value.toFixed(1))) : Math.round(value).toLocaleString('en');
};

const milliseconds = (value: number): string =>
  value < 1_000 ? `${short(value)} ms` : `${short(value / 1_000)} s`;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Runs of samples that have a value, each as points; a gap is where nothing was measured. */
const runs = (
  samples: readonly Sample[],
  { nowMs, top, value }: { nowMs: number; top: number; value: (sample: Sample) => number | undefined },
): readonly (readonly Point[])[] => {
  const { samples: width } = spanOf(samples, nowMs);
  const found: Point[][] = [];
  let run: Point[] | undefined;
  let lastMs = 0;
  for (const sample of samples) {
    const x = width - (nowMs - sample.atMs) / SAMPLE_MS;
    const measured = value(sample);
    if (measured === undefined || x < 0) {
      run = undefined;
      continue;
    }
    if (run === undefined || sample.atMs - lastMs > 3 * SAMPLE_MS) found.push((run = []));
    lastMs = sample.atMs;
    run.push({ x, y: HEIGHT - Math.min(1, measured / top) * HEIGHT });
  }
  return found;
};

const path = (points: readonly Point[]): string =>
  points.map(({ x, y }, index) => `${index === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');

/** A single point is a line of its own. */
const line = (points: readonly Point[]): string => {
  const [only] = points;
  return points.length === 1 && only !== undefined ? `${path([only])}h1` : path(points);
};

const area = (points: readonly Point[]): string => {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return '';
  return `${path(points)}L${last.x.toFixed(1)} ${HEIGHT}L${first.x.toFixed(1)} ${HEIGHT}Z`;
};

interface ChartParts {
  readonly id: string;
  readonly title: string;
  readonly now: string;
  readonly note: Html | string;
  readonly top: string;
  readonly middle: string;
  readonly span: Span;
  readonly drawn: Html | readonly Html[];
  readonly description: string;
}

const chart = ({ id, title, now, note, top, middle, span, drawn, description }: ChartParts): Html =>
  html`<section class="chart" aria-labelledby="${id}">
    <h2 id="${id}">${title}</h2>
    <p class="now">${now}</p>
    <p class="note">${note}</p>
    <div class="plot">
      <div class="scale" aria-hidden="true"><span>${top}</span><span>${middle}</span><span>0</span></div>
      <svg
        viewBox="0 0 ${span.samples} ${HEIGHT}"
        preserveAspectRatio="none"
        role="img"
        aria-label="${description}"
      >
        <path class="grid" d="M0 .5H${span.samples}M0 50H${span.samples}M0 99.5H${span.samples}" />
        ${drawn}
      </svg>
      <div class="hours" aria-hidden="true"><span>${span.start}</span><span>now</span></div>
    </div>
  </section>`;

const RECENT = 4;

const rateChart = (samples: readonly Sample[], nowMs: number): Html => {
  const rates = samples.map(({ perSecond }) => perSecond);
  const highest = Math.max(0, ...rates);
  const recent = rates.slice(-RECENT);
  const now = recent.reduce((sum, rate) => sum + rate, 0) / Math.max(1, recent.length);
  const top = niceTop(highest);
  const all = runs(samples, { nowMs, top, value: ({ perSecond }) => perSecond });
  const peak = `at most ${short(highest)} within the last hour`;
  return chart({
    id: 'rate-title',
    title: 'Requests a second',
    now: samples.length === 0 ? '–' : short(now),
    note: samples.length === 0 ? 'the first figures come within half a minute' : peak,
    top: short(top),
    middle: short(top / 2),
    span: spanOf(samples, nowMs),
    description: `Requests a second over the last hour: ${short(now)} now, ${peak}`,
    drawn: all.map(
      (run) => html`<path class="area" d="${area(run)}" /><path class="line" d="${line(run)}" />`,
    ),
  });
};

const latencyChart = (samples: readonly Sample[], nowMs: number): Html => {
  const slow = samples.flatMap(({ slowMs }) => (slowMs === undefined ? [] : [slowMs]));
  const last = samples.slice(-RECENT).findLast(({ medianMs }) => medianMs !== undefined);
  const top = niceTop(Math.max(0, ...slow));
  const of = (value: (sample: Sample) => number | undefined): Html[] =>
    runs(samples, { nowMs, top, value }).map((run) => html`<path class="line" d="${line(run)}" />`);
  const now = last?.medianMs === undefined ? '–' : milliseconds(last.medianMs);
  const slowest = last?.slowMs === undefined ? '–' : milliseconds(last.slowMs);
  return chart({
    id: 'latency-title',
    title: 'Time to answer',
    now,
    note: html`<span class="key median"></span>half within ${now}<span class="key slow"></span>95 of 100
      within ${slowest}`,
    top: milliseconds(top),
    middle: milliseconds(top / 2),
    span: spanOf(samples, nowMs),
    description: `Time to answer over the last hour: half of the requests within ${now} now, 95 of 100 within ${slowest}`,
    drawn: [
      html`<g class="slow">${of(({ slowMs }) => slowMs)}</g>`,
      html`<g class="median">${of(({ medianMs }) => medianMs)}</g>`,
    ],
  });
};

export const charts = (samples: readonly Sample[], nowMs: number): Html =>
  html`<div class="charts" data-part="charts">
    ${rateChart(samples, nowMs)}${latencyChart(samples, nowMs)}
  </div>`;
