// A tracker that ends, resets, stalls, splits and repeats at random. Every whole response carries the id of its request, so that one
// that reaches another client is seen. Counts how often each request came.

import type { TLSSocket } from 'node:tls';
import type { Test } from 'tap';
import { scriptedTracker, type ScriptedTracker } from './tracker.ts';

export interface ChaoticTracker extends ScriptedTracker {
  /** by id */
  readonly arrivals: ReadonlyMap<string, number>;
  /** how often each kind of response was given */
  readonly given: Readonly<Record<string, number>>;
}

interface Turn {
  readonly id: string;
  readonly isHead: boolean;
  readonly socket: TLSSocket;
  readonly reset: () => void;
  /** 0 to below 1 */
  readonly random: () => number;
}

const LARGE = 100_000;

const content = (id: string, size: number): string => `${id};`.repeat(Math.ceil(size / (id.length + 1)));
const sized = (id: string, size: number, more = ''): string => {
  const text = size === 0 ? id : content(id, size);
  return `HTTP/1.1 200 OK\r\nX-Id: ${id}\r\n${more}Content-Length: ${text.length}\r\n\r\n${text}`;
};
const chunked = (id: string, size: number): string => {
  const text = size === 0 ? id : content(id, size);
  const half = Math.max(1, Math.floor(text.length / 2));
  const parts = [text.slice(0, half), text.slice(half)].filter((part) => part !== '');
  const chunks = parts.map((part) => `${part.length.toString(16)};x=y\r\n${part}\r\n`).join('');
  return `HTTP/1.1 200 OK\r\nX-Id: ${id}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\nX-T: ${id}\r\n\r\n`;
};
const headOf = (text: string): string => text.slice(0, text.indexOf('\r\n\r\n') + 4);
const part = (text: string, random: () => number): string =>
  text.slice(0, Math.floor(random() * text.length));

/** Writes in pieces, each in a turn of its own. */
const inPieces = (socket: TLSSocket, text: string, random: () => number): void => {
  const size = Math.max(1, Math.floor(text.length / (2 + random() * 6)));
  const next = (at: number): void => {
    if (at >= text.length || socket.destroyed) return;
    socket.write(text.slice(at, at + size), 'latin1', () => setImmediate(next, at + size));
  };
  next(0);
};

/**
 * What may become of a request, and how often. A second response that comes later than the first one is not among them: HTTP/1.1 cannot
 * tell it from the response to the next request, when that is under way.
 */
const KINDS: Readonly<Record<string, readonly [number, (turn: Turn) => void]>> = {
  small: [30, ({ socket, id }) => void socket.write(sized(id, 0))],
  chunked: [10, ({ socket, id }) => void socket.write(chunked(id, 0))],
  large: [5, ({ socket, id }) => void socket.write(sized(id, LARGE))],
  'large, chunked': [5, ({ socket, id }) => void socket.write(chunked(id, LARGE))],
  'in pieces': [8, ({ socket, id, random }) => inPieces(socket, sized(id, 500), random)],
  'chunked, in pieces': [5, ({ socket, id, random }) => inPieces(socket, chunked(id, 500), random)],
  interim: [5, ({ socket, id }) => void socket.write(`HTTP/1.1 100 C\r\n\r\nHTTP/1.1 103 E\r\nLink: </>; rel=preload\r\n\r\n${sized(id, 0)}`)],
  'Connection: close': [4, ({ socket, id }) => void socket.end(sized(id, LARGE, 'Connection: close\r\n'))],
  'closes unannounced': [4, ({ socket, id }) => void socket.end(sized(id, 0))],
  'until end': [3, ({ socket, id }) => void socket.end(`HTTP/1.1 200 OK\r\nX-Id: ${id}\r\n\r\n${content(id, LARGE)}`)],
  'reset behind the response': [3, ({ socket, id, reset }) => void socket.write(sized(id, 0), reset)],
  'reset in the response': [3, ({ socket, id, reset, random }) => void socket.write(part(sized(id, LARGE), random), reset)],
  'cut off': [3, ({ socket, id, random }) => void socket.end(part(chunked(id, LARGE), random))],
  'reset at once': [3, ({ reset }) => reset()],
  'closed at once': [3, ({ socket }) => void socket.end()],
  stalls: [1, () => undefined],
  'stalls in the response': [1, ({ socket, id, random }) => void socket.write(part(sized(id, 500), random))],
  repeats: [4, ({ socket, id }) => void socket.write(sized(id, 0) + sized('repeated', 0))],
  nonsense: [2, ({ socket, random }) => void socket.write(Buffer.from(Array.from({ length: 40 }, () => Math.floor(random() * 256))))],
}; // prettier-ignore

const TOTAL = Object.values(KINDS).reduce((sum, [weight]) => sum + weight, 0);

const choose = (random: () => number): string => {
  let left = random() * TOTAL;
  for (const [kind, [weight]] of Object.entries(KINDS)) {
    left -= weight;
    if (left < 0) return kind;
  }
  return 'small';
};

export const chaoticTracker = async (t: Test, random: () => number): Promise<ChaoticTracker> => {
  const arrivals = new Map<string, number>();
  const given: Record<string, number> = {};
  const answer = (turn: Turn): void => {
    const kind = choose(random);
    given[kind] = (given[kind] ?? 0) + 1;
    // a HEAD has a head alone, whatever it is
    if (turn.isHead) turn.socket.write(headOf(sized(turn.id, 500)));
    else KINDS[kind]?.[1](turn);
  };
  const target = await scriptedTracker(t, (socket, _connection, reset) => {
    let text = '';
    let isWaiting = false;
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const start = /^(\S+) \/e\/c\/(\S+) [^]*?\r\n\r\n/.exec(text);
      if (start === null) return;
      const [head, method = '', id = ''] = start;
      if (!isWaiting) arrivals.set(id, (arrivals.get(id) ?? 0) + 1);
      isWaiting = true;
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
      const isChunked = /transfer-encoding: chunked/i.test(head);
      const rest = text.slice(head.length);
      // some are answered before their content is here
      const isWhole = isChunked ? rest.endsWith('0\r\n\r\n') : rest.length >= length;
      if (!isWhole && random() > 0.05) return;
      text = '';
      isWaiting = false;
      answer({ id, isHead: method === 'HEAD', socket, reset, random });
      if (!isWhole) socket.removeAllListeners('data').resume();
    });
  });
  return { ...target, connections: target.connections, arrivals, given };
};
