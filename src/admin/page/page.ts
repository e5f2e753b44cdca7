// The page as the admin server serves it: the document, what it loads, and the stream that refreshes it, all from memory.

import type { ServerResponse } from 'node:http';
import type { Clock } from '../../core/platform/clock.ts';
import type { Answer } from '../response.ts';
import type { RecentEvents } from '../recent-events.ts';
import type { Status } from '../status.ts';
import type { Traffic } from '../traffic.ts';
import { pageDocument } from './document.ts';
import { createLive } from './live.ts';
import { ICON, SCRIPT, STYLE } from './page-files.ts';

/** Own style, own script, own events; nothing inline, nothing from elsewhere, in no frame. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Several pages that look at the same moment see the same: a status of very many names is work. */
const FRESH_MS = 1_000;

export interface PageOptions {
  readonly status: () => Promise<Status>;
  readonly traffic: Pick<Traffic, 'samples'>;
  readonly events: RecentEvents;
  readonly clock: Pick<Clock, 'now'>;
}

export interface Page {
  readonly pages: ReadonlyMap<string, (query: URLSearchParams) => Answer | Promise<Answer>>;
  readonly streams: ReadonlyMap<string, (response: ServerResponse) => boolean>;
  stop(): void;
}

export const createPage = ({ status, traffic, events, clock }: PageOptions): Page => {
  const live = createLive();
  const off = events.onAdded(() => live.tell());
  let last: { readonly atMs: number; readonly status: Promise<Status> } | undefined;

  const freshStatus = (): Promise<Status> => {
    const nowMs = clock.now();
    if (last === undefined || Math.abs(nowMs - last.atMs) > FRESH_MS) {
      const asked = status();
      // the next one asks again
      asked.catch(() => (last = undefined));
      last = { atMs: nowMs, status: asked };
    }
    return last.status;
  };

  const show = async (query: URLSearchParams): Promise<Answer> => {
    const parts = { samples: traffic.samples(), events: events.list(), nowMs: clock.now() };
    return {
      status: 200,
      type: 'text/html; charset=utf-8',
      body: pageDocument({ ...parts, status: await freshStatus() }, query),
      fields: { 'Content-Security-Policy': CONTENT_SECURITY_POLICY },
    };
  };
  const file = (type: string, body: string) => (): Answer => ({ status: 200, type, body });

  return {
    pages: new Map<string, (query: URLSearchParams) => Answer | Promise<Answer>>([
      ['/', show],
      ['/page.css', file('text/css; charset=utf-8', STYLE)],
      ['/page.js', file('text/javascript; charset=utf-8', SCRIPT)],
      ['/page.svg', file('image/svg+xml', ICON)],
    ]),
    streams: new Map([['/events', (response: ServerResponse) => live.listen(response)]]),
    stop: () => {
      off();
      live.stop();
    },
  };
};
