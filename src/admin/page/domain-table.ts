// The table of domains with what finds one in it. A row is a card on a narrow screen: the roles are written out, as a table that is
// laid out otherwise is no table to a screen reader.

import type { DomainRow, Group, Said } from './domain-row.ts';
import { html, withCode, type Html } from './text/html.ts';
import { PAGE_SIZE, addressOf, type Selection } from './selection.ts';
import { count } from './text/times.ts';

const COLUMNS = ['Domain', 'HTTP', 'HTTPS', 'HSTS', 'Certificate', 'Next'] as const;
const GROUPS: readonly (readonly [Group | undefined, string])[] = [
  [undefined, 'All'],
  ['attention', 'Need attention'],
  ['waiting', 'Waiting'],
  ['fine', 'Fine'],
];

/** Shapes that differ without their colours too. */
const MARKS: Readonly<Record<Said['tone'], Html>> = {
  good: html`<path d="M3.5 8.5l3 3 6-7" />`,
  warn: html`<path d="M8 3v6M8 12v.5" />`,
  bad: html`<path d="M4 4l8 8M12 4l-8 8" />`,
  plain: html`<path d="M4 8h8" />`,
};

export const mark = (tone: Said['tone']): Html =>
  html`<svg class="mark ${tone}" viewBox="0 0 16 16" aria-hidden="true">${MARKS[tone]}</svg>`;

const status = ({ tone, word, note }: Said): Html =>
  html`<span class="said">${mark(tone)}<span class="word ${tone}">${word}</span></span
    ><span class="note">${note}</span>`;

/** Days left as a bar, with a notch where the renewal is planned. */
const bar = ({ tone, left, renewAt }: DomainRow['certificate']): Html | undefined => {
  if (left === undefined) return undefined;
  const percent = (part: number): string => (part * 100).toFixed(1);
  return html`<svg class="bar ${tone}" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
    <rect class="whole" width="100" height="4" />
    <rect class="left" width="${percent(left)}" height="4" />
    ${
      renewAt === undefined
        ? undefined
        : html`<rect class="notch" x="${percent(Math.max(0.004, renewAt) - 0.004)}" width="0.8" height="4" />`
    }
  </svg>`;
};

const cell = (column: (typeof COLUMNS)[number], content: Html): Html =>
  html`<td role="cell" class="${column.toLowerCase()}">
    <span class="label" aria-hidden="true">${column}</span><span class="value">${content}</span>
  </td>`;

const problemRow = ({ name, https, problem }: DomainRow): Html | undefined => {
  if (problem === undefined) return undefined;
  const { what, remedy, meanwhile, detail, type, issuer, at } = problem;
  return html`<tr role="row" class="why ${https.tone}">
    <td role="cell" colspan="${COLUMNS.length}">
      <dl>
        <dt>What happened</dt>
        <dd>${what}</dd>
        <dt>What to do</dt>
        <dd>${withCode(remedy)}</dd>
        <dt>Meanwhile</dt>
        <dd>${meanwhile}</dd>
      </dl>
      <details id="words-${name}">
        <summary id="open-${name}">In the words of ${issuer === '' ? 'the log' : issuer}</summary>
        <p class="words">${detail}</p>
        <p class="note">${type} · <time datetime="${at}">${at.slice(0, 16).replace('T', ' ')} UTC</time></p>
      </details>
    </td>
  </tr>`;
};

const domainRows = (row: DomainRow): Html =>
  html`<tr role="row" class="domain ${row.group}">
      <th role="rowheader" scope="row">${row.name}</th>
      ${cell('HTTP', status(row.http))} ${cell('HTTPS', status(row.https))} ${cell('HSTS', status(row.hsts))}
      ${cell(
        'Certificate',
        html`<span class="word ${row.certificate.tone}">${row.certificate.word}</span
          >${bar(row.certificate)}<span class="note">${row.certificate.note}</span>`,
      )}
      ${cell('Next', html`<span class="next">${row.next}</span>`)}
    </tr>
    ${problemRow(row)}`;

const groupLinks = ({ wanted, counts }: Selection): Html =>
  html`<nav class="groups" aria-label="Domains by state">
    <ul>
      ${GROUPS.map(([group, word]) => {
        const isHere = wanted.group === group;
        const number = counts[group ?? 'all'].toLocaleString('en');
        const here = isHere ? html` aria-current="true"` : undefined;
        return html`<li>
          <a id="group-${group ?? 'all'}" href="${addressOf({ ...wanted, group, from: 0 })}" ${here}
            >${word} <span class="number">${number}</span></a
          >
        </li>`;
      })}
    </ul>
  </nav>`;

const searchForm = ({ wanted }: Selection): Html =>
  html`<form class="search" method="get" action="/" role="search">
    ${wanted.group === undefined ? undefined : html`<input type="hidden" name="state" value="${wanted.group}" />`}
    <label for="q">Find a domain</label>
    <input
      id="q"
      name="q"
      type="search"
      value="${wanted.search}"
      maxlength="253"
      autocomplete="off"
      spellcheck="false"
    />
    <button id="find" type="submit">Find</button>
  </form>`;

const pages = ({ wanted, shown, found }: Selection): Html | undefined => {
  if (found <= PAGE_SIZE) return undefined;
  const { from } = wanted;
  const link = (id: string, at: number, word: string): Html =>
    html`<a id="${id}" href="${addressOf({ ...wanted, from: at })}">${word}</a>`;
  return html`<nav class="pages" aria-label="Pages of domains">
    ${from > 0 ? link('earlier', from - PAGE_SIZE, 'Earlier') : undefined}
    <span>${from + 1}–${from + shown.length} of ${count(found, 'domain')}</span>
    ${from + PAGE_SIZE < found ? link('later', from + PAGE_SIZE, 'Later') : undefined}
  </nav>`;
};

const table = (rows: readonly DomainRow[]): Html =>
  html`<table role="table" aria-labelledby="domains-title">
    <thead role="rowgroup">
      <tr role="row">
        ${COLUMNS.map((column) => html`<th role="columnheader" scope="col">${column}</th>`)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map(domainRows)}
    </tbody>
  </table>`;

/** @param rows - of `selection.shown`, in its order */
export const domainTable = (selection: Selection, rows: readonly DomainRow[]): Html =>
  html`<section class="domains" aria-labelledby="domains-title">
    <div class="bar-of-tools">
      <h2 id="domains-title">Domains</h2>
      ${searchForm(selection)}
    </div>
    <div data-part="groups">${groupLinks(selection)}</div>
    <div data-part="domains">
      ${rows.length === 0 ? html`<p class="empty">No domain is like that.</p>` : table(rows)}
      ${pages(selection)}
    </div>
    <p class="note foot">
      As this proxy sees it. <code>linkgate doctor</code> looks from outside, at DNS and HSTS above the name
      too.
    </p>
  </section>`;
