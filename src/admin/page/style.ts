// The page's style sheet and its icon, served from memory: what a strict Content-Security-Policy lets in.

/** Two palettes by name; everything below uses the names alone. Contrast of every text is 4.5:1 and more on its ground. */
const PALETTES = `
:root {
  color-scheme: light dark;
  --ground: #faf9f6; --sheet: #ffffff; --ink: #1f1e1b; --quiet: #65615a; --line: #e6e2da;
  --good: #2a6b47; --warn: #8a5600; --bad: #a8322a; --accent: #2c5f92; --accent-soft: #2c5f9222; --slow: #96690f;
  --bad-ground: #fdf3f1; --warn-ground: #fdf7ea;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #15161a; --sheet: #1c1e23; --ink: #eae7e1; --quiet: #a5a096; --line: #30333a;
    --good: #7fc49d; --warn: #e2b263; --bad: #f0948a; --accent: #86b4e4; --accent-soft: #86b4e42b; --slow: #cf9f4c;
    --bad-ground: #2a1d1e; --warn-ground: #2a2419;
  }
}
`;

const GROUND = `
*, *::before, *::after { box-sizing: border-box; }
html { font: 100%/1.5 Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif;
  -webkit-text-size-adjust: 100%; }
body { margin: 0; padding: 0 1.5rem 4rem; background: var(--ground); color: var(--ink); font-size: .9375rem; }
header, main { max-width: 74rem; margin: 0 auto; }
h1, h2, p, ul, ol, dl, dd { margin: 0; padding: 0; }
ul, ol { list-style: none; }
h2 { font-size: .9375rem; font-weight: 600; letter-spacing: -.005em; }
a { color: var(--accent); text-underline-offset: .2em; }
code { font: .92em ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.note { color: var(--quiet); font-size: .8125rem; }
.empty { color: var(--quiet); padding: 1.25rem 0; }
.foot { padding-top: .875rem; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--sheet); padding: .5rem 1rem; z-index: 1; }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); } .plain { color: var(--quiet); }
.mark { width: 1rem; height: 1rem; flex: none; fill: none; stroke: currentColor; stroke-width: 1.9;
  stroke-linecap: round; stroke-linejoin: round; }
`;

const TOP = `
header { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; align-items: baseline; padding: 1.5rem 0 0; }
.product { font-weight: 650; letter-spacing: -.01em; }
.facts { color: var(--quiet); font-size: .8125rem; display: flex; gap: 1rem; flex: 1; }
.link { color: var(--quiet); font-size: .8125rem; font-variant-numeric: tabular-nums; }
.link.live::before { content: ""; display: inline-block; width: .5rem; height: .5rem; border-radius: 50%;
  background: var(--good); margin-right: .5rem; }
.link.lost { color: var(--bad); }
.headline { padding: 3.25rem 0 2.5rem; }
.headline h1 { font-size: clamp(1.75rem, 1.2rem + 2.2vw, 2.625rem); font-weight: 600; letter-spacing: -.028em; line-height: 1.15;
  text-wrap: balance; }
.headline.good, .headline.warn { color: inherit; }
.headline p { color: var(--quiet); font-size: 1.0625rem; padding-top: .5rem; max-width: 44rem; }
`;

const CHARTS = `
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 21rem), 1fr)); gap: 1.25rem; }
.chart { background: var(--sheet); border: 1px solid var(--line); border-radius: .75rem; padding: 1.125rem 1.25rem 1rem; }
.chart h2 { font-weight: 500; color: var(--quiet); font-size: .8125rem; }
.chart .now { font-size: 1.875rem; font-weight: 600; letter-spacing: -.025em; line-height: 1.3; font-variant-numeric: tabular-nums; }
.plot { display: grid; grid-template-columns: 1fr auto; gap: 0 .625rem; padding-top: .875rem; }
.plot svg { grid-area: 1 / 1; width: 100%; height: 7rem; display: block; overflow: visible; }
.plot path { fill: none; vector-effect: non-scaling-stroke; stroke-width: 1.6; stroke-linejoin: round; stroke-linecap: round; }
.plot .grid { stroke: var(--line); stroke-width: 1; }
.plot .line { stroke: var(--accent); }
.plot .area { fill: var(--accent-soft); }
.plot .slow .line { stroke: var(--slow); stroke-width: 1; }
.scale { grid-area: 1 / 2; display: flex; flex-direction: column; justify-content: space-between; margin: -.5rem 0; }
.scale, .hours { color: var(--quiet); font-size: .75rem; font-variant-numeric: tabular-nums; }
.scale { line-height: 1rem; min-width: 2.5rem; }
.hours { grid-area: 2 / 1; display: flex; justify-content: space-between; padding-top: .5rem; }
.key { display: inline-block; width: 1rem; height: 0; border-top: 2px solid var(--accent); vertical-align: middle; margin-right: .5rem; }
.key.slow { border-top: 1px solid var(--slow); margin-left: 1rem; }
.keys { white-space: nowrap; }
`;

const DOMAINS = `
.domains { padding-top: 3rem; }
.bar-of-tools { display: flex; flex-wrap: wrap; gap: .75rem 1.5rem; align-items: center; justify-content: space-between; }
.bar-of-tools h2, .below h2 { font-size: 1.1875rem; letter-spacing: -.015em; }
.search { display: flex; gap: .5rem; align-items: center; font-size: .8125rem; }
.search label { color: var(--quiet); }
input, button { font: inherit; color: inherit; background: var(--sheet); border: 1px solid var(--quiet); border-radius: .4375rem;
  padding: .3125rem .625rem; }
input { width: 15rem; max-width: 100%; min-width: 0; }
button { cursor: pointer; }
button:hover { border-color: var(--ink); }
.groups ul { display: flex; flex-wrap: wrap; gap: .375rem 1.5rem; padding: 1.125rem 0 0; }
.groups a { display: block; color: var(--quiet); text-decoration: none; padding: .25rem 0 .5rem; border-bottom: 2px solid transparent; }
.groups a:hover { color: var(--ink); }
.groups a[aria-current] { color: var(--ink); border-color: var(--ink); font-weight: 550; }
.number { font-variant-numeric: tabular-nums; font-size: .8125rem; font-weight: 400; color: var(--quiet); padding-left: .125rem; }
table { width: 100%; border-collapse: collapse; }
thead th { text-align: left; font-weight: 500; font-size: .8125rem; color: var(--quiet); padding: .75rem 1rem .5rem 0; }
thead { border-bottom: 1px solid var(--line); border-top: 1px solid var(--line); }
tbody th, td { text-align: left; vertical-align: top; padding: .9375rem 1rem .9375rem 0; }
tbody th { font-weight: 600; letter-spacing: -.005em; overflow-wrap: anywhere; min-width: 11rem; }
tr.domain:not(:first-child) { border-top: 1px solid var(--line); }
.label { display: none; }
.value { display: block; }
.said { display: flex; gap: .375rem; align-items: center; }
.word { font-weight: 500; }
.word.good, .word.plain { color: var(--ink); }
td .note { display: block; padding-top: .125rem; }
.said + .note { padding-left: 1.375rem; }
td.certificate { min-width: 12rem; }
td.next { color: var(--quiet); padding-right: 0; }
.bar { display: block; width: 100%; max-width: 13rem; height: .3125rem; margin: .4375rem 0 .25rem; border-radius: 3px; overflow: hidden; }
.bar .whole { fill: var(--line); }
.bar .left { fill: currentColor; }
.bar .notch { fill: var(--ground); }
.why td { padding: 0 0 1.25rem; }
.why { --box: var(--warn-ground); }
.why.bad { --box: var(--bad-ground); color: inherit; }
.why.good, .why.warn { color: inherit; }
.why dl { display: grid; grid-template-columns: 8rem 1fr; gap: .375rem 1rem; background: var(--box);
  border-radius: .625rem .625rem 0 0; padding: 1rem 1.25rem .625rem; }
.why dt { color: var(--quiet); font-size: .8125rem; line-height: 1.40625rem; }
.why dd { max-width: 46rem; overflow-wrap: anywhere; }
.why dd:first-of-type { font-weight: 550; }
.why details { background: var(--box); border-radius: 0 0 .625rem .625rem; padding: 0 1.25rem 1rem; font-size: .8125rem; }
.why summary { color: var(--quiet); cursor: pointer; width: fit-content; padding: .25rem 0; }
.why summary:hover { color: var(--ink); }
.words { padding: .375rem 0; max-width: 60rem; overflow-wrap: anywhere; }
.pages { display: flex; gap: 1.5rem; justify-content: center; padding: 1.25rem 0 0; color: var(--quiet); border-top: 1px solid var(--line); }
`;

const BELOW = `
.below { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 3fr); gap: 3rem; padding-top: 3.5rem; }
.events ol, .around ul { padding-top: .75rem; }
.events li { display: grid; grid-template-columns: 3.5rem 1fr; gap: .75rem; padding: .625rem 0; border-top: 1px solid var(--line); }
.events time { color: var(--quiet); font-size: .8125rem; line-height: 1.40625rem; font-variant-numeric: tabular-nums; }
.event, .around li { display: flex; gap: .5rem; }
.event .mark, .around .mark { margin-top: .1875rem; }
.event strong, .around strong { font-weight: 550; }
.event .name { padding-left: .25rem; }
.event .note, .around .note { display: block; overflow-wrap: anywhere; }
.around li { padding: .625rem 0; border-top: 1px solid var(--line); }
`;

/** Below this a row of the table is a card. */
const NARROW = `
@media (max-width: 52rem) {
  body { padding: 0 1.125rem 3rem; }
  header { padding-top: 1.125rem; }
  .facts { flex: 1 1 auto; gap: .75rem; }
  .headline { padding: 2rem 0 1.75rem; }
  .domains { padding-top: 2.25rem; }
  .search { flex: 1 1 100%; flex-wrap: wrap; }
  .search label { flex: 1 1 100%; }
  .search input { flex: 1; }
  .groups ul { gap: .25rem 1.125rem; }
  table, tbody, tr, td, tbody th { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody { border-top: 1px solid var(--line); }
  tbody th { padding: 1.125rem 0 .5rem; font-size: 1.0625rem; }
  td { padding: .25rem 0; }
  tr.domain td:not(.why td) { display: grid; grid-template-columns: 6.5rem 1fr; gap: .75rem; }
  tr.domain { padding-bottom: 1.125rem; }
  .label { display: block; color: var(--quiet); font-size: .8125rem; line-height: 1.40625rem; }
  td:not(.certificate) > .value { display: flex; flex-wrap: wrap; align-items: center; column-gap: .5rem; }
  .said + .note { padding: 0; }
  .why td { display: block; padding-bottom: 1.25rem; }
  .why dl { grid-template-columns: 1fr; gap: 0; padding: .875rem 1rem .5rem; }
  .why dd { padding-bottom: .5rem; }
  .why details { padding: 0 1rem .875rem; }
  .below { grid-template-columns: minmax(0, 1fr); gap: 2.5rem; padding-top: 2.75rem; }
}
@media (prefers-reduced-motion: no-preference) { a, button { transition: color .12s, border-color .12s; } }
@media print { .search, .groups, .pages, .link, .skip { display: none; } }
`;

export const STYLE: string = [PALETTES, GROUND, TOP, CHARTS, DOMAINS, BELOW, NARROW].join('');

/** A worker with a link through it. */
export const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#2c5f92"/>' +
  '<path d="M9 24V13a7 7 0 0 1 14 0v11M5 18h22" fill="none" stroke="#fff" stroke-width="2.6" stroke-linecap="round"/></svg>\n';
