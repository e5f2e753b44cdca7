// The page, whole: what matters most first, in one sentence. Pure: status, figures and events in, HTML out.

import type { RecentEvent } from '../recent-events.ts';
import type { Status } from '../status.ts';
import type { Sample } from '../traffic.ts';
import { eventList, surroundings } from './around.ts';
import { charts } from './charts.ts';
import { domainRow, groupOf, type Group, type Surroundings } from './domain-row.ts';
import { domainTable } from './domain-table.ts';
import { html, type Html } from './text/html.ts';
import { selectDomains, wantedOf } from './selection.ts';
import { count, span } from './text/times.ts';

export interface PageParts {
  readonly status: Status;
  readonly samples: readonly Sample[];
  readonly events: readonly RecentEvent[];
  readonly nowMs: number;
}

interface Headline {
  readonly tone: 'good' | 'warn' | 'bad';
  readonly title: string;
  readonly note: string;
}

const domainsAre = (number: number, one: string, many: string): string =>
  `${count(number, 'domain')} ${number === 1 ? one : many}`;

/** Whatever breaks most goes first. */
const headlineOf = ({ ready, upstreams, domains }: Status): Headline => {
  const counts: Record<Group, number> = { attention: 0, waiting: 0, fine: 0 };
  for (const domain of domains) counts[groupOf(domain)] += 1;
  const { attention, waiting } = counts;
  const silent = upstreams.filter(({ healthy }) => !healthy).length;
  if (!ready) {
    return {
      tone: 'bad',
      title: 'Not serving yet',
      note: 'The listeners are not up, or no worker is ready.',
    };
  }
  if (silent > 0) {
    const note =
      'Clicks end in an error page until it does. Customer.io may have an outage, or this server no way out.';
    return {
      tone: 'bad',
      title: silent === 1 ? 'A tracker does not answer' : `${silent} trackers do not answer`,
      note,
    };
  }
  if (attention > 0) {
    const isBroken = domains.some(({ state }) => state === 'failing' || state === 'expired');
    return {
      tone: isBroken ? 'bad' : 'warn',
      title: domainsAre(attention, 'needs attention', 'need attention'),
      note: 'What happened and what to do stands with each of them, below.',
    };
  }
  if (waiting > 0) {
    const note = 'Certificates are on their way; there is nothing to do.';
    return {
      tone: 'warn',
      title: domainsAre(waiting, 'waits for its certificate', 'wait for their certificates'),
      note,
    };
  }
  const all =
    domains.length === 1
      ? 'Your domain is served'
      : `All ${domains.length.toLocaleString('en')} domains are served`;
  return { tone: 'good', title: all, note: 'Over HTTP and HTTPS, with certificates that renew themselves.' };
};

const top = (status: Status, nowMs: number): Html =>
  html`<header>
    <p class="product">linkgate</p>
    <p class="facts" data-part="facts">
      <span>${status.version}</span> <span>up ${span(nowMs - Date.parse(status.startedAt))}</span>
      <span>Node ${status.node.replace(/^v/, '')}</span>
    </p>
    <p class="link" id="link" role="status">As of ${new Date(nowMs).toISOString().slice(11, 19)} UTC</p>
  </header>`;

/** @param query - of the page's address */
export const pageDocument = (
  { status, samples, events, nowMs }: PageParts,
  query: URLSearchParams,
): string => {
  const selection = selectDomains(status.domains, wantedOf(query));
  const healthy = new Map(status.upstreams.map(({ region, healthy }) => [region, healthy]));
  const around: Surroundings = {
    nowMs,
    ready: status.ready,
    upstreamHealthy: (region) => healthy.get(region) ?? true,
  };
  const { tone, title, note } = headlineOf(status);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · linkgate</title>
        <link rel="icon" href="/page.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/page.css" />
        <script src="/page.js" defer></script>
      </head>
      <body>
        <a class="skip" href="#domains-title">To the domains</a>
        ${top(status, nowMs)}
        <main>
          <section class="headline ${tone}" data-part="headline">
            <h1>${title}</h1>
            <p>${note}</p>
          </section>
          ${charts(samples, nowMs)}
          ${domainTable(
            selection,
            selection.shown.map((domain) => domainRow(domain, around)),
          )}
          <div class="below">${eventList(events, nowMs)}${surroundings(status, nowMs)}</div>
        </main>
      </body>
    </html> `.toString();
};
