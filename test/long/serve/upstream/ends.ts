// Responses that end with their connection: by FIN, by RST, whole or cut off, while the client takes nothing. The listeners are
// a process of their own: what ends that process would end a worker.

import { fork } from 'node:child_process';
import type { ClientHttp2Session } from 'node:http2';
import { Agent, request } from 'node:https';
import t, { type Test } from 'tap';
import {
  workerChild,
  type WorkerChildOptions,
  type WorkerChildReport,
} from '../../../helpers/worker-child.ts';
import { sharedPki } from '../../../helpers/pki.ts';
import { serve } from '../../../helpers/serve.ts';
import { onRequestHead, scriptedTracker, type ScriptedTracker } from '../../../helpers/tracker.ts';
import { until } from '../../../helpers/until.ts';

const DOMAIN = 'links.example.com';
const SIZES = [16_384, 40_000, 300_000];
const TIMES = 20;
/** clients that take nothing at one time: of 64 connections, 16 may stall before the first is cut off */
const AT_ONCE = 10;

/** Every byte tells where it stands. */
const contentOf = (size: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) % 251));
const CONTENT = contentOf(300_000);

const chunked = (content: Buffer, last: string): Buffer => {
  const parts: Buffer[] = [];
  for (let at = 0; at < content.length; at += 5_000) {
    const part = content.subarray(at, at + 5_000);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from(last)]);
};

interface Ending {
  /** the bytes of a whole response, or of what comes of one before it is cut off */
  readonly bytes: (content: Buffer) => Buffer;
  readonly reset?: true;
  /** `either`: a reset can overtake what was sent before it */
  readonly is: 'whole' | 'cut' | 'either';
}
const after = (head: string): Ending['bytes'] => {
  return (content) =>
    Buffer.concat([Buffer.from(head.replace('LENGTH', String(content.length)) + '\r\n\r\n'), content]);
};
const half = (bytes: Ending['bytes']): Ending['bytes'] => {
  return (content) => bytes(content).subarray(0, -content.length / 2);
};
const sized = after('HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: LENGTH');
const kept = after('HTTP/1.1 200 OK\r\nContent-Length: LENGTH');
const untilEof = after('HTTP/1.1 200 OK');
const inChunks: Ending['bytes'] = (content) =>
  after('HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked')(chunked(content, '0\r\n\r\n'));
const ENDINGS: Readonly<Record<string, Ending>> = {
  'Content-Length': { bytes: sized, is: 'whole' },
  'Content-Length without Connection: close': { bytes: kept, is: 'whole' },
  'until EOF': { bytes: untilEof, is: 'whole' },
  'HTTP/1.0': { bytes: after('HTTP/1.0 200 OK\r\nContent-Length: LENGTH'), is: 'whole' },
  'HTTP/1.0 until EOF': { bytes: after('HTTP/1.0 200 OK'), is: 'whole' },
  chunked: { bytes: inChunks, is: 'whole' },
  'cut off, Content-Length': { bytes: half(sized), is: 'cut' },
  'cut off, without Connection: close': { bytes: half(kept), is: 'cut' },
  'cut off, chunked': { bytes: half(inChunks), is: 'cut' },
  'reset behind Content-Length': { bytes: sized, reset: true, is: 'either' },
  'reset within Content-Length': { bytes: half(sized), reset: true, is: 'cut' },
  'reset within chunks': { bytes: half(inChunks), reset: true, is: 'cut' },
  'reset, until EOF': { bytes: untilEof, reset: true, is: 'cut' },
};

interface EndingTracker extends ScriptedTracker {
  /** the response to that path and the end are out */
  hasEnded(path: string): boolean;
  /** the other side has closed the connection too */
  hasClosed(path: string): boolean;
}

/** Responds to `/e/c/KIND/SIZE/NUMBER` with the bytes of that ending and the end of the connection, in one go. */
const endingTracker = async (t: Test): Promise<EndingTracker> => {
  const ended = new Set<string>();
  const closed = new Set<string>();
  const script = await scriptedTracker(t, (socket, _connection, reset) =>
    onRequestHead(socket, (head) => {
      const path = head.split(' ', 2)[1] ?? '';
      const [, , , kind = '', size = ''] = path.split('/').map(decodeURIComponent);
      const ending = ENDINGS[kind];
      if (ending === undefined) throw new Error(`"${path}" names no ending`);
      const bytes = ending.bytes(CONTENT.subarray(0, Number(size)));
      const done = (): void => void ended.add(path);
      socket.on('close', () => {
        closed.add(path);
        done();
      });
      if (ending.reset === true) {
        socket.write(bytes, () => {
          reset();
          done();
        });
      } else socket.end(bytes, done);
    }),
  );
  return { ...script, hasEnded: (path) => ended.has(path), hasClosed: (path) => closed.has(path) };
};

interface Got {
  readonly content: Buffer;
  /** it came to its end as the protocol has it */
  readonly whole: boolean;
}

/** Reads nothing before the tracker has ended its connection, then all. */
const overHttp1 = (agent: Agent, port: number, path: string, ready: () => Promise<unknown>): Promise<Got> =>
  new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, servername: DOMAIN, path, agent });
    asked.setHeader('Host', DOMAIN);
    const chunks: Buffer[] = [];
    asked.on('error', reject);
    asked.on('response', (response) => {
      response.on('error', () => undefined);
      response.on('close', () => resolve({ content: Buffer.concat(chunks), whole: response.complete }));
      ready().then(() => response.on('data', (chunk: Buffer) => chunks.push(chunk)), reject);
    });
    asked.end();
  });

/** The same; its window of 64 KiB holds back what its client does not read, whatever the buffers of the system. */
const overHttp2 = (session: ClientHttp2Session, path: string, ready: () => Promise<unknown>): Promise<Got> =>
  new Promise((resolve, reject) => {
    const stream = session.request({ ':path': path });
    const chunks: Buffer[] = [];
    let ended = false;
    stream.on('error', () => undefined);
    stream.on('end', () => (ended = true));
    stream.on('close', () =>
      resolve({ content: Buffer.concat(chunks), whole: ended && stream.rstCode === 0 }),
    );
    stream.on('response', () => {
      ready().then(() => stream.on('data', (chunk: Buffer) => chunks.push(chunk)), reject);
    });
  });

const check = (t: Test, what: string, ending: Ending, size: number, got: Got): void => {
  const wanted = CONTENT.subarray(0, size);
  if (ending.is === 'whole') t.ok(got.whole && got.content.equals(wanted), `${what}: whole`);
  else if (ending.is === 'either' && got.whole) t.ok(got.content.equals(wanted), `${what}: whole`);
  else {
    t.notOk(got.whole, `${what}: visibly cut`);
    t.ok(got.content.equals(wanted.subarray(0, got.content.length)), `${what}: what came of it is right`);
  }
};

t.test('a slow client gets all of it, or sees that it is cut; no worker ends', async (t) => {
  const seen = await endingTracker(t);
  const pki = sharedPki('worker');
  const { keyPem, chainPem } = pki.leaf([DOMAIN]);
  const worker = fork(workerChild, { execArgv: process.execArgv });
  t.teardown(() => worker.kill('SIGKILL'));
  const died = new Promise<never>((_resolve, reject) => {
    worker.once('exit', (code, signal) => reject(new Error(`the worker ended: ${code ?? signal}`)));
  });
  died.catch(() => undefined);
  worker.send({
    domain: DOMAIN,
    leaf: { keyPem, chainPem },
    tracker: seen,
    limits: {},
  } as WorkerChildOptions);
  const ports = new Promise<WorkerChildReport>((resolve) => worker.once('message', resolve));
  const { httpsPort } = await Promise.race([ports, died]);
  const agent = new Agent({ ca: pki.rootPem, keepAlive: true });
  t.teardown(() => agent.destroy());
  for (const [kind, ending] of Object.entries(ENDINGS)) {
    for (const size of SIZES) {
      for (let first = 0; first < TIMES; first += AT_ONCE) {
        const some = Array.from({ length: AT_ONCE }, async (_, i) => {
          const path = `/e/c/${encodeURIComponent(kind)}/${size}/${first + i}`;
          const ready = (): Promise<unknown> => until(path, () => seen.hasEnded(path), 30_000);
          const got = await overHttp1(agent, httpsPort, path, ready);
          check(t, `${kind}, ${size} bytes`, ending, size, got);
        });
        await Promise.race([Promise.all(some), died]);
      }
    }
  }
});

t.test('an end that is held back comes behind the last byte', async (t) => {
  const seen = await endingTracker(t);
  const worker = await serve(t, { tracker: seen });
  const session = await worker.h2();
  for (const [kind, ending] of Object.entries(ENDINGS)) {
    for (const size of [40_000, 90_000, 150_000]) {
      const path = `/e/c/${encodeURIComponent(kind)}/${size}/0`;
      const ready = (): Promise<unknown> => until(path, () => seen.hasEnded(path), 30_000);
      check(t, `${kind}, ${size} bytes`, ending, size, await overHttp2(session, path, ready));
    }
  }
});

t.test('a client that leaves, or never reads, ends what is held back for it', async (t) => {
  const seen = await endingTracker(t);
  // some of them are still with the system when the end comes
  for (const [kind, size] of [
    ['Content-Length', 300_000],
    ['until EOF', 300_000],
    ['reset behind Content-Length', 300_000],
    ['chunked', 150_000],
    ['until EOF', 150_000],
  ] as const) {
    for (const [what, limits] of [
      ['the client leaves', {}],
      ['the client is cut off', { writeIdleMs: 500 }],
    ] as const) {
      const title = `${kind}, ${size} bytes, ${what}`;
      const worker = await serve(t, { tracker: seen, limits });
      const session = await worker.h2();
      const path = `/e/c/${encodeURIComponent(kind)}/${size}/${encodeURIComponent(what)}`;
      const stream = session.request({ ':path': path });
      stream.on('error', () => undefined);
      const gone = new Promise((resolve) => stream.on('close', resolve));
      await new Promise((resolve) => stream.on('response', resolve));
      await until(`${title}: the tracker has ended`, () => seen.hasEnded(path));
      if (what === 'the client leaves') {
        t.match(worker.listeners.upstreamConnections(), { active: 1 }, `${title}: held back`);
        session.destroy();
      }
      await gone;
      t.match(await worker.next('request.completed'), { status: 200, complete: false }, title);
      await until(
        `${title}: nothing is held`,
        () => seen.hasClosed(path) && worker.listeners.upstreamConnections().active === 0,
      );
    }
  }
});

t.test('a connection that goes on carries the next request, however slow the client was', async (t) => {
  const seen = await scriptedTracker(t, (socket) =>
    onRequestHead(socket, () => void socket.write(kept(CONTENT.subarray(0, 150_000)))),
  );
  const worker = await serve(t, { tracker: seen });
  const session = await worker.h2();
  for (let i = 0; i < 5; i += 1) {
    const read = (): Promise<unknown> => new Promise((resolve) => session.ping(resolve));
    const { content, whole } = await overHttp2(session, '/', read);
    t.ok(whole && content.equals(CONTENT.subarray(0, 150_000)));
  }
  t.equal(seen.connections(), 1);
});
