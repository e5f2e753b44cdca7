// What stands around the domains: what happened lately, and how trackers, certificate authorities and workers fare.

import type { RecentEvent } from '../recent-events.ts';
import type { Status } from '../status.ts';
import { mark } from './domain-table.ts';
import { html, type Html } from './text/html.ts';
import { clockTime, count, fromNow } from './text/times.ts';

const SHOWN_EVENTS = 20;

const eventItem = ({ atMs, tone, title, domain, detail }: RecentEvent, nowMs: number): Html =>
  html`<li>
    <time datetime="${new Date(atMs).toISOString()}">${clockTime(atMs, nowMs)}</time>
    <span class="event"
      >${mark(tone)}<span
        ><strong>${title}</strong>${
          domain === undefined ? undefined : html` <span class="name">${domain}</span>`
        }<span class="note">${detail}</span></span
      ></span
    >
  </li>`;

export const eventList = (events: readonly RecentEvent[], nowMs: number): Html =>
  html`<section class="events" aria-labelledby="events-title" data-part="events">
    <h2 id="events-title">Lately</h2>
    ${
      events.length === 0
        ? html`<p class="empty">Nothing has happened since the start.</p>`
        : html`<ol>
            ${events.slice(0, SHOWN_EVENTS).map((event) => eventItem(event, nowMs))}
          </ol>`
    }
    <p class="note foot">Times are UTC. The log has everything.</p>
  </section>`;

const row = (tone: 'good' | 'bad' | 'warn', name: string, word: Html | string): Html =>
  html`<li>
    ${mark(tone)}<span><strong class="name">${name}</strong><span class="note">${word}</span></span>
  </li>`;

const trackers = ({ upstreams }: Status): readonly Html[] =>
  upstreams.map(({ region, url, healthy }) =>
    row(
      healthy ? 'good' : 'bad',
      region === null ? 'Tracker' : `Tracker, region ${region}`,
      html`${url.replace(/^https:\/\//, '')} · ${healthy ? 'answers' : 'does not answer'}`,
    ),
  );

const authorities = ({ issuers }: Status, nowMs: number): readonly Html[] =>
  issuers.map(({ name, healthy, lastProblem, retryAt }) => {
    const again = retryAt === null ? '' : `, asked again ${fromNow(Date.parse(retryAt), nowMs)}`;
    const word = healthy
      ? 'certificate authority · in order'
      : `passed over${again}: ${lastProblem?.detail ?? ''}`;
    return row(healthy ? 'good' : 'warn', name, word);
  });

const workers = (status: Status): Html => {
  const ready = status.workers.filter(({ state }) => state === 'ready').length;
  const all = status.workers.length;
  return row(
    ready > 0 ? 'good' : 'bad',
    'Workers',
    `${ready} of ${count(all, 'process', 'processes')} ready`,
  );
};

const lastReload = ({ reload }: Status, nowMs: number): Html | undefined => {
  if (reload === null) return undefined;
  const { at, problem, atRestart } = reload;
  const when = fromNow(Date.parse(at), nowMs);
  if (problem !== null)
    return row('bad', 'Configuration', `refused ${when}, the old settings stay: ${problem}`);
  if (atRestart.length === 0) return row('good', 'Configuration', `reloaded ${when}`);
  return row('warn', 'Configuration', `reloaded ${when}; at the next start: ${atRestart.join(', ')}`);
};

export const surroundings = (status: Status, nowMs: number): Html =>
  html`<section class="around" aria-labelledby="around-title" data-part="around">
    <h2 id="around-title">What it relies on</h2>
    <ul>
      ${trackers(status)}${authorities(status, nowMs)}${workers(status)}${lastReload(status, nowMs)}
    </ul>
  </section>`;
