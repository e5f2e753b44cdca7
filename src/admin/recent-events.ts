// What happened lately, for people: the last events that somebody who looks would want to know of, in a sentence each. In memory,
// bounded; the log has all of them.

import type { Clock } from '../core/platform/clock.ts';
import type { EventBus } from '../core/events.ts';

export type Tone = 'good' | 'bad' | 'plain';

export interface RecentEvent {
  readonly atMs: number;
  readonly tone: Tone;
  /** `certificate issued` */
  readonly title: string;
  readonly domain?: string;
  readonly detail: string;
}

export interface RecentEvents {
  /** newest first */
  list(): readonly RecentEvent[];
  /** calls back after each, until the returned function is called */
  onAdded(listener: () => void): () => void;
  /** hears nothing any more */
  stop(): void;
}

export const MOST_EVENTS = 100;
const LONGEST_DETAIL = 300;

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
const names = (number: number): string =>
  `${number.toLocaleString('en')} ${number === 1 ? 'domain' : 'domains'}`;

export const createRecentEvents = (events: Pick<EventBus, 'on'>, clock: Pick<Clock, 'now'>): RecentEvents => {
  const list: RecentEvent[] = [];
  const listeners = new Set<() => void>();
  const add = (event: Omit<RecentEvent, 'atMs'>): void => {
    list.unshift({ ...event, atMs: clock.now(), detail: event.detail.slice(0, LONGEST_DETAIL) });
    list.length = Math.min(list.length, MOST_EVENTS);
    for (const listener of listeners) listener();
  };

  const offs = [
    events.on('certificate.issued', ({ domain, issuer, notAfterMs, isFirst }) =>
      add({
        tone: 'good',
        title: isFirst === false ? 'Certificate renewed' : 'Certificate issued',
        domain,
        detail: `by ${issuer}, valid until ${day(notAfterMs)}`,
      }),
    ),
    events.on('certificate.failed', ({ domain, detail }) =>
      add({ tone: 'bad', title: 'No certificate', domain, detail }),
    ),
    events.on('certificate.doubted', ({ domain, detail }) =>
      add({ tone: 'plain', title: 'Renewal in doubt', domain, detail }),
    ),
    events.on('storage.failed', ({ message }) =>
      add({ tone: 'bad', title: 'Storage failed', detail: message }),
    ),
    events.on('worker.exited', ({ pid, signal, exitCode, expected }) => {
      if (expected) return;
      const how = signal === null ? `exit code ${exitCode ?? 'unknown'}` : signal;
      add({ tone: 'bad', title: 'Worker restarted', detail: `process ${pid} ended by itself (${how})` });
    }),
    events.on('settings.reloaded', ({ domains, changed, removed, atRestart, message }) => {
      if (message !== undefined) {
        add({ tone: 'bad', title: 'Reload refused', detail: `the old settings stay: ${message}` });
        return;
      }
      const waits = atRestart.length === 0 ? '' : `; at the next start: ${atRestart.join(', ')}`;
      const detail = `${names(domains)}, ${changed} new or changed, ${removed} gone${waits}`;
      add({ tone: 'plain', title: 'Settings reloaded', detail });
    }),
  ];
  return {
    list: () => list,
    onAdded: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: () => {
      for (const off of offs) off();
      listeners.clear();
    },
  };
};
