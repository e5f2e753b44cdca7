// Slow or silent connections: clicks of others go on as before, and every slow one is gone in its time. A thousand of
// them in the suite; SLOW_CONNECTIONS=10000 is the measurement of docs/security.md and wants a quiet machine. The worker,
// the slow clients and the clicks are processes of their own; this one is the tracker.

import { fork, spawnSync, type ChildProcess } from 'node:child_process';
import { getPriority, setPriority } from 'node:os';
import t, { type Test } from 'tap';
import { clickChild, type ClickChildReport } from '../../../helpers/click-child.ts';
import type { ClickTarget } from '../../../helpers/click.ts';
import {
  workerChild,
  type WorkerChildOptions,
  type WorkerChildReport,
} from '../../../helpers/worker-child.ts';
import { pause } from '../../../helpers/pause.ts';
import { sharedPki } from '../../../helpers/pki.ts';
import {
  SLOW_KINDS,
  slowClients,
  type SlowClientsOptions,
  type SlowClientsReport,
  type SlowKind,
} from '../../../helpers/slow-clients.ts';
import { slowTarget, type SlowTargetOptions } from '../../../helpers/slow-targets.ts';
import { tracker } from '../../../helpers/tracker.ts';
import { until } from '../../../helpers/until.ts';

const DOMAIN = 'links.example.com';
const WANTED = Number(process.env['SLOW_CONNECTIONS'] ?? 1_000);
/** one limit for all of them (handshake, head, idle connection): time to open them, and to measure while they stay */
const LIMIT_MS = WANTED > 2_000 ? 30_000 : 20_000;
const ALONE_MS = WANTED > 2_000 ? 5_000 : 2_000;
/** the clocks tick once a second; the short run shares its cores with other suites, and ends before the default of 30 s */
const LATE_MS = WANTED > 2_000 ? 3_000 : 8_000;
const PER_SECOND = Number(process.env['SLOW_PER_SECOND'] ?? 2_000);
/** of all; a machine that allows fewer descriptors gets fewer, and says so */
const SHARES: Readonly<Record<SlowKind, number>> = {
  'silent-443': 0.25,
  'silent-80': 0.2,
  'half-hello': 0.25,
  'half-head': 0.2,
  'tls-silent': 0.1,
};

const descriptorLimit = (): number => {
  const said = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).stdout.trim();
  return said === 'unlimited' ? Infinity : Number(said);
};

/** `execArgv` as well as this process's own */
const start = (t: Test, path: string, execArgv: readonly string[] = []): ChildProcess => {
  const child = fork(path, { execArgv: [...process.execArgv, ...execArgv] });
  t.teardown(() => child.kill('SIGKILL'));
  return child;
};
const nextMessage = <T>(child: ChildProcess): Promise<T> =>
  new Promise((resolve, reject) => {
    const ended = (code: number | null, signal: string | null): void =>
      reject(new Error(`child ended: ${code ?? signal}`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message as T);
    });
  });
/** The next message of one state; the listener stands before anything is sent. */
const reportOf = (child: ChildProcess, state: SlowClientsReport['state']): Promise<SlowClientsReport> =>
  new Promise((resolve, reject) => {
    child.once('exit', (code, signal) => reject(new Error(`slow clients ended: ${code ?? signal}`)));
    child.on('message', (message: SlowClientsReport) => {
      if (message.state === state) resolve(message);
    });
  });

interface Latency {
  readonly p50: number;
  readonly p99: number;
  readonly count: number;
}
const latencyOf = (times: readonly number[]): Latency => {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.floor(share * sorted.length)] ?? NaN;
  return { p50: at(0.5), p99: at(0.99), count: sorted.length };
};

/** What is measured: the worker, or by hand something else in its place (`node`, `nginx`, `haproxy`). */
const TARGET = process.env['SLOW_TARGET'] ?? 'linkgate';
/** for the worker's process alone, by hand */
const WORKER_ARGUMENTS = process.env['SLOW_WORKER_ARGUMENTS']?.split(' ') ?? [];

interface Standing {
  readonly httpsPort: number;
  readonly httpPort: number;
  /** undefined where nobody tells */
  readonly report: () => Promise<Pick<WorkerChildReport, 'connections' | 'lives'> | undefined>;
}

const startTarget = async (t: Test, options: SlowTargetOptions): Promise<Standing> => {
  if (TARGET !== 'linkgate')
    return { ...(await slowTarget(t, TARGET, options)), report: () => Promise.resolve(undefined) };
  const { limitMs, ...rest } = options;
  const worker = start(t, workerChild, WORKER_ARGUMENTS);
  const limits = { tlsHandshakeMs: limitMs, headersMs: limitMs, requestMs: limitMs, keepAliveMs: limitMs };
  const first: WorkerChildOptions = { ...rest, limits };
  worker.send(first);
  const { httpsPort, httpPort } = await nextMessage<WorkerChildReport>(worker);
  return {
    httpsPort,
    httpPort,
    report: () => {
      const next = nextMessage<WorkerChildReport>(worker);
      worker.send('report');
      return next;
    },
  };
};

t.test('slow connections take nothing from the clicks of others', async (t) => {
  const total = Math.min(WANTED, descriptorLimit() - 1_000);
  if (total < WANTED) t.comment(`only ${total} connections: the limit of open files is ${descriptorLimit()}`);
  const pki = sharedPki('worker');
  const { keyPem, chainPem } = pki.leaf([DOMAIN]);
  const { url, serverName, caPem } = await tracker(t);
  const { httpsPort, httpPort, report } = await startTarget(t, {
    domain: DOMAIN,
    leaf: { keyPem, chainPem },
    tracker: { url, serverName, caPem },
    limitMs: LIMIT_MS,
  });

  const clicks = start(t, clickChild);
  const target: ClickTarget = { port: httpsPort, domain: DOMAIN, ca: pki.rootPem, path: '/e/c/x' };
  clicks.send(target);
  /** of the clicks since it was called last */
  const latency = async (): Promise<Latency> => {
    const all: number[] = [];
    for (;;) {
      const report = nextMessage<ClickChildReport>(clicks);
      clicks.send('report');
      const { times, wrong } = await report;
      for (const answer of wrong) t.fail(`a click got ${answer}`);
      all.push(...times);
      // on a busy machine a while longer
      if (all.length >= 20) return latencyOf(all);
      await pause(100);
    }
  };
  await pause(1_000);
  await latency();
  await pause(ALONE_MS);
  const alone = await latency();

  const slow = start(t, slowClients);
  // elsewhere on the internet they would not take the time of our cores
  if (WANTED > 2_000) setPriority(slow.pid ?? 0, getPriority() + 8);
  const counts = Object.fromEntries(
    SLOW_KINDS.map((kind) => [kind, Math.round(total * SHARES[kind])]),
  ) as Record<SlowKind, number>;
  const order: SlowClientsOptions = {
    httpsPort,
    httpPort,
    domain: DOMAIN,
    ca: pki.rootPem,
    counts,
    perSecond: PER_SECOND,
  };
  const opened = reportOf(slow, 'open');
  const gone = reportOf(slow, 'gone');
  slow.send(order);
  await opened;
  // open at their end before they were taken up
  await until(
    `${total} slow connections are open at once`,
    async () => ((await report())?.connections ?? total) >= total,
  );
  const coming = await latency();
  await pause(2_000);
  const there = await latency();
  const stayed = (await report())?.connections ?? total;
  t.ok(stayed >= total * 0.9, 'they were open while the clicks were measured');
  const { lives, failed } = await gone;
  const going = await latency();

  for (const [what, { p50, p99, count }] of Object.entries({ alone, coming, there, going }))
    t.comment(`${what}: p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms of ${count} clicks`);
  // as the slow clients saw it: where they wait for a processor themselves, later than it was
  t.comment(JSON.stringify(lives));
  const last = await report();
  if (last !== undefined) {
    t.equal(failed, 0, 'none was turned away');
    const { longestMs } = last.lives;
    const shortestMs = Math.min(...SLOW_KINDS.map((kind) => lives[kind]?.shortest ?? 0));
    t.ok(shortestMs > LIMIT_MS * 0.8, `none is cut before its time: ${Math.round(shortestMs)} ms`);
    t.ok(longestMs < LIMIT_MS + LATE_MS, `all are gone in their time: ${Math.round(longestMs)} ms`);
    t.same(Object.keys(lives).toSorted(), SLOW_KINDS.toSorted(), 'of every kind');
    await until(
      'none is left at the worker, while clicks are served',
      async () => ((await report())?.connections ?? 0) <= 1,
    );
    await latency();
    await pause(ALONE_MS);
    const after = await latency();
    // whatever else this machine does may have begun meanwhile
    const without = Math.max(alone.p50, after.p50);
    // the median is asserted: a p99 of some hundreds is a few clicks, and whatever else runs makes three slow
    t.ok(
      there.p50 < without * 2,
      `median ${there.p50.toFixed(1)} ms, ${alone.p50.toFixed(1)} and ${after.p50.toFixed(1)} ms without them`,
    );
  }
});
