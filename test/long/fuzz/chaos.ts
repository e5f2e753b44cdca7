// A worker before a tracker that misbehaves in every way, for as long as CHAOS_SECONDS says: 5 among the other tests, 600 by
// `npm run chaos`. Red when the worker ends, when a request has no end, when one that may not be repeated comes twice, or when a
// client gets a response that is not its own, or looks whole and is not.

import { fork } from 'node:child_process';
import { connect as http2Connect } from 'node:http2';
import { Agent, request } from 'node:https';
import t from 'tap';
import { chaoticTracker } from '../../helpers/chaotic-tracker.ts';
import { sharedPki } from '../../helpers/pki.ts';
import { ask } from '../../helpers/serve.ts';
import { until } from '../../helpers/until.ts';
import { workerChild, type WorkerChildOptions, type WorkerChildReport } from '../../helpers/worker-child.ts';

const SECONDS = Number(process.env['CHAOS_SECONDS'] ?? 5);
const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const DOMAIN = 'links.example.com';
const CLIENTS = 24;
/** the response, its pauses, and a client's patience */
const LIMITS = { upstreamBodyMs: 1_000, writeIdleMs: 5_000 };
const UPSTREAM_USE = { responseTimeoutMs: 1_500, maxConnections: 12 };
const MOST_MS = 20_000;

/** mulberry32: the same numbers for the same seed. */
const randomOf = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

interface Click {
  readonly id: string;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly content: string;
}
interface Ended {
  readonly status: number;
  /** value of X-Id */
  readonly id: string;
  readonly body: string;
  readonly isWhole: boolean;
}

const overHttp1 = (agent: Agent, port: number, { id, method, content }: Click): Promise<Ended> =>
  new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, servername: DOMAIN, path: `/e/c/${id}`, method, agent };
    const asked = request({ ...options, headers: { host: DOMAIN } });
    asked.on('error', () => resolve({ status: 0, id: '', body: '', isWhole: false }));
    asked.on('response', (response) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (text: string) => (body += text));
      response.on('error', () => undefined);
      response.on('close', () =>
        resolve({
          status: response.statusCode ?? 0,
          id: String(response.headers['x-id'] ?? ''),
          body,
          isWhole: response.complete,
        }),
      );
    });
    asked.end(content);
  });

/** What is wrong with how a click ended, if anything. */
const complaint = ({ id, method }: Click, ended: Ended): string | undefined => {
  if (ended.id !== '' && ended.id !== id) return `${id} got the response of ${ended.id}`;
  if (ended.status !== 200 || !ended.isWhole || method === 'HEAD') return undefined;
  if (ended.id !== id) return `${id} got a 200 of nobody`;
  const rest = ended.body.replaceAll(`${id};`, '');
  return rest === '' || rest === id ? undefined : `${id} got ${rest.slice(0, 80)}`;
};

t.test(`${SECONDS} s of chaos, seed ${SEED}`, { timeout: 3_600_000 }, async (t) => {
  const random = randomOf(SEED);
  const tracker = await chaoticTracker(t, random);
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
    tracker: { url: tracker.url, serverName: tracker.serverName, caPem: tracker.caPem },
    limits: LIMITS,
    upstreamUse: UPSTREAM_USE,
  } as WorkerChildOptions);
  const ports = new Promise<WorkerChildReport>((resolve) => worker.once('message', resolve));
  const { httpsPort: port } = await Promise.race([ports, died]);
  const agent = new Agent({ ca: pki.rootPem, keepAlive: true });
  t.teardown(() => agent.destroy());

  const wrong: string[] = [];
  const methods = new Map<string, Click['method']>();
  const statuses: Record<string, number> = {};
  let count = 0;
  let slowestMs = 0;
  const end = Date.now() + SECONDS * 1_000;
  const client = async (number: number): Promise<void> => {
    let session = http2Connect(`https://127.0.0.1:${port}`, { ca: pki.rootPem, servername: DOMAIN });
    const open = (): void => {
      session = http2Connect(`https://127.0.0.1:${port}`, { ca: pki.rootPem, servername: DOMAIN });
      session.on('error', () => undefined);
    };
    session.on('error', () => undefined);
    while (Date.now() < end) {
      count += 1;
      const method = random() < 0.2 ? 'POST' : random() < 0.1 ? 'HEAD' : 'GET';
      const size = method === 'POST' ? (random() < 0.2 ? 100_000 : 20) : 0;
      const click: Click = { id: `c${number}x${count}`, method, content: 'z'.repeat(size) };
      methods.set(click.id, method);
      const before = performance.now();
      let ended: Ended;
      if (number % 2 === 0) ended = await overHttp1(agent, port, click);
      else {
        if (session.closed || session.destroyed) open();
        const headers = { ':path': `/e/c/${click.id}`, ':method': method, ':authority': DOMAIN };
        const got = await ask(session, headers, size === 0 ? undefined : click.content);
        const id = String(got.headers['x-id'] ?? '');
        ended = { status: got.status, id, body: got.body.toString('latin1'), isWhole: got.code === 0 };
      }
      slowestMs = Math.max(slowestMs, performance.now() - before);
      const is = ended.status === 200 && !ended.isWhole ? 'cut' : String(ended.status);
      statuses[is] = (statuses[is] ?? 0) + 1;
      const what = complaint(click, ended);
      if (what !== undefined) wrong.push(what);
    }
    session.destroy();
  };
  await Promise.race([Promise.all(Array.from({ length: CLIENTS }, (_, number) => client(number))), died]);
  t.strictSame(wrong.slice(0, 10), [], 'each response is its own');
  const twice = [...tracker.arrivals].filter(([id, times]) => times > (methods.get(id) === 'POST' ? 1 : 2));
  t.strictSame(twice.slice(0, 10), [], 'nothing comes twice that must not');
  t.ok(slowestMs < MOST_MS, `the slowest ended after ${slowestMs.toFixed(0)} ms`);
  t.ok((statuses['200'] ?? 0) > count / 3, 'many are answered');
  await until('the worker still says how it is', () => {
    worker.send('report');
    return new Promise<boolean>((resolve) => worker.once('message', () => resolve(true)));
  });
  const repeated = [...tracker.arrivals.values()].filter((times) => times > 1).length;
  t.comment(`${count} clicks, ${tracker.connections()} connections, ${repeated} sent once more`);
  t.comment(`statuses ${JSON.stringify(statuses)}, slowest ${slowestMs.toFixed(0)} ms`);
  t.comment(`given ${JSON.stringify(tracker.given)}`);
});
