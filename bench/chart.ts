// The main table as a picture (SVG), readable on light and dark pages alike. Pure.

import { figures } from './report.ts';
import type { Mode } from './load/spec.ts';
import type { MainRow } from './results.ts';
import { median } from './statistics.ts';

/** what a reader wants to know first; the rest is in the tables */
const SHOWN: readonly (readonly [Mode, string])[] = [
  ['fresh', 'a TLS connection for each click'],
  ['keepalive-h1', 'kept connections, HTTP/1.1'],
  ['keepalive-h2', 'kept connections, HTTP/2'],
];

const WIDTH = 720;
const LABELS = 120;
const FIGURES = 80;
const BAR = 16;
const GAP = 6;
const TITLE = 34;

const text = (x: number, y: number, style: string, words: string): string =>
  `<text x="${x}" y="${y}" class="${style}">${words}</text>`;

const group = (rows: readonly MainRow[], title: string, top: number): readonly string[] => {
  const bars = rows
    .map(({ target, ...row }) => ({
      target,
      value: median(figures({ target, ...row }, 'cpuMicrosPerClick').filter((value) => value !== undefined)),
    }))
    .filter(({ value }) => Number.isFinite(value));
  const most = Math.max(...bars.map(({ value }) => value));
  return [
    text(0, top + 20, 'title', title),
    ...bars.flatMap(({ target, value }, index) => {
      const y = top + TITLE + index * (BAR + GAP);
      const width = ((WIDTH - LABELS - FIGURES) * value) / most;
      return [
        text(0, y + 12, 'label', target),
        `<rect x="${LABELS}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" rx="3" class="${target.startsWith('linkgate') ? 'ours' : 'other'}"/>`,
        text(LABELS + width + 8, y + 12, 'label', `${value.toFixed(0)} µs`),
      ];
    }),
  ];
};

/** CPU time per click, a bar a target; modes that were not measured are left out. */
export const chartSvg = (rows: readonly MainRow[]): string => {
  const lines: string[] = [];
  let top = 0;
  for (const [mode, title] of SHOWN) {
    const ofMode = rows.filter(
      (row) => row.mode === mode && row.rounds.some((round) => (round?.clicks ?? 0) > 0),
    );
    if (ofMode.length === 0) continue;
    lines.push(...group(ofMode, `CPU per click: ${title}`, top));
    top += TITLE + ofMode.length * (BAR + GAP) + 10;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" width="${WIDTH}" height="${top}" role="img" aria-label="CPU time per click of linkgate and other proxies">
<style>
text{font:13px system-ui,sans-serif;fill:#24292f}.title{font-weight:600}.ours{fill:#0b6e4f}.other{fill:#8c959f}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ours{fill:#3fb984}.other{fill:#6e7681}}
</style>
${lines.join('\n')}
</svg>
`;
};
