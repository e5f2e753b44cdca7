import t from 'tap';
import { chartSvg } from '../../bench/chart.ts';
import type { Measurement } from '../../bench/measure.ts';
import { reportMarkdown } from '../../bench/report.ts';
import type { MainRow, Results } from '../../bench/results.ts';

const measurement = (cpuMicrosPerClick: number, errors: Record<string, number> = {}): Measurement => ({
  clicks: 100,
  clicksPerSecond: 50,
  cpuMicrosPerClick,
  busy: 0.5,
  foreign: 0.02,
  p50Ms: 1,
  p99Ms: 2,
  p999Ms: 3,
  pssBytes: 10_485_760,
  errors,
});

const main: readonly MainRow[] = [
  { target: 'linkgate', mode: 'fresh', rounds: [measurement(200), measurement(440), measurement(330)] },
  {
    target: 'caddy',
    mode: 'fresh',
    rounds: [measurement(100), measurement(400), measurement(300, { closed: 2 })],
  },
  { target: 'linkgate', mode: 'open', rounds: [undefined] },
];

const results: Results = {
  date: '2026-11-23',
  commit: 'abc1234',
  command: 'npm run bench -- --quick',
  machine: { cpu: 'CPU', cores: 2, kernel: '6.1' },
  versions: { linkgate: '0.1.0', haproxy: null },
  protocol: { rounds: 3, durationMs: 1_000, warmUpMs: 2_000 },
  main,
  workers: [],
  many: [],
  idle: [],
  issuance: [{ target: 'caddy', names: 500, live: 400, tookMs: 60_000, cpuMs: 4_000 }],
};

t.test(
  'a report has medians with their spread, ratios by round, errors by kind, and names what is missing',
  async (t) => {
    const text = reportMarkdown(results);
    t.match(text, 'haproxy **missing**');
    t.match(text, '| linkgate | 330 (200–440) | 1.10 (1.10–2.00) | – |');
    t.match(text, /\| caddy \| 300 \(100–400\) \| 1 \|.*\| closed 2 \|/);
    t.match(text, '| caddy | 500 | 400 | 60.0 | 400 | 10.0 |');
    t.notMatch(text, 'Many domains');
    t.notMatch(text, 'NaN');
  },
);

t.test('the chart has a bar a target and modes that were measured', async (t) => {
  const svg = chartSvg(main);
  t.equal(svg.match(/<rect/g)?.length, 2);
  t.match(svg, '330 µs');
  t.match(svg, 'prefers-color-scheme:dark');
  t.notMatch(svg, 'HTTP/2');
  t.notMatch(svg, 'NaN');
});
