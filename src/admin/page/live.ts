// Server-sent events: tells open pages to load the data again. No data travels here, so a listener costs nothing but its
// connection; their number is bounded all the same.

import type { ServerResponse } from 'node:http';
import { SAFE_FIELDS } from '../response.ts';

const MOST_LISTENERS = 16;
const EVERY_MS = 5_000;
/** of many events that come together */
const SOON_MS = 300;
/** a listener that reads nothing is let go */
const MOST_WAITING_BYTES = 16 * 1024;

export interface Live {
  /** takes the response over; false: there is no room for another */
  listen(response: ServerResponse): boolean;
  /** something happened: everybody is told soon */
  tell(): void;
  /** ends all, and takes nobody any more */
  stop(): void;
}

export const createLive = ({ everyMs = EVERY_MS, soonMs = SOON_MS } = {}): Live => {
  const listeners = new Set<ServerResponse>();
  let regular: NodeJS.Timeout | undefined;
  let soon: NodeJS.Timeout | undefined;
  let isOver = false;

  const look = (): void => {
    for (const response of listeners) {
      if (response.writableLength > MOST_WAITING_BYTES) response.destroy();
      else response.write('data: look\n\n');
    }
  };
  const left = (response: ServerResponse): void => {
    listeners.delete(response);
    if (listeners.size > 0) return;
    clearInterval(regular);
    regular = undefined;
  };

  return {
    listen: (response) => {
      if (isOver || listeners.size >= MOST_LISTENERS) return false;
      listeners.add(response);
      response.on('close', () => left(response));
      for (const [name, value] of Object.entries(SAFE_FIELDS)) response.setHeader(name, value);
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      response.write('retry: 3000\n\n');
      regular ??= setInterval(look, everyMs).unref();
      return true;
    },
    tell: () => {
      if (isOver || listeners.size === 0) return;
      soon ??= setTimeout(() => {
        soon = undefined;
        look();
      }, soonMs).unref();
    },
    stop: () => {
      isOver = true;
      clearInterval(regular);
      clearTimeout(soon);
      for (const response of listeners) response.end();
    },
  };
};
