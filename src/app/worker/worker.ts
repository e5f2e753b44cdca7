// A worker put together: the doors from cert/, the listeners from serve/, the counts of observe/, and the supervisor's
// messages. It only serves: it orders nothing, writes nothing to the storage, and ends when the supervisor says so or is gone.

import { createContextCache } from '../../cert/serving/context-cache.ts';
import { createAnswerChallenge } from '../../cert/challenges/http-01.ts';
import { createAnswerTlsChallenge } from '../../cert/challenges/tls-alpn-01.ts';
import { createHandshake } from '../../cert/serving/handshake.ts';
import { readThumbprint } from '../../cert/acme/account.ts';
import { createCertificateStore } from '../../cert/state/store.ts';
import { systemClock } from '../../core/platform/clock.ts';
import { withTimeout } from '../../core/platform/deadline.ts';
import { toLinkgateError } from '../../core/errors.ts';
import { createEventBus, type Emit } from '../../core/events.ts';
import type { Settings } from '../../core/settings.ts';
import type { Storage } from '../../core/storage.ts';
import { logClicks } from '../../observe/logs/access-log.ts';
import { createWorkerMetrics } from '../../observe/metrics/worker-metrics.ts';
import { logEvents } from '../../observe/logs/log-events.ts';
import { createLogger, type Logger } from '../../observe/logs/logger.ts';
import type { Metrics } from '../../observe/metrics/metrics.ts';
import {
  createListeners,
  type RequestSettings,
  type DrainTime,
  type Listeners,
} from '../../serve/listeners.ts';
import { createFileStorage } from '../../storage/file.ts';
import { withTimes } from '../../storage/timed.ts';
import { handedOver } from '../drain-times.ts';
import { logLevelOf } from '../log-level.ts';
import { startTracing } from './tracing.ts';
import type { FromWorker, ToWorker } from '../messages.ts';
import type { CommonSettings, SettingsChange } from '../settings-change.ts';

/**
 * TLS contexts in memory: 34 KB each on Node 20, 40 on 24, so 200 MB in a worker that serves as many names. With 100,000 names by
 * Zipf's law three of four handshakes find theirs.
 */
const MAX_CONTEXTS = 5_000;
/** how old the supervisor's knowledge of our counts may be when we are killed */
const TELL_MS = 2_000;
/** how long the last spans may take at the end; a second after its drain time a worker is killed */
const LAST_TRACES_MS = 500;
/** connections that wait while no worker accepts; the kernel caps it at net.core.somaxconn */
const BACKLOG = 4_096;

interface Parts {
  readonly logger: Logger;
  readonly emit: Emit;
  readonly listeners: Listeners;
  readonly metrics: Metrics;
  /** takes a reload up; no connection is closed */
  apply(change: SettingsChange): void;
  lookAgain(domain: string): Promise<void>;
  /** of the settings as they are now */
  drainMs(): number;
  /** sends the last spans, where requests are traced */
  endTraces(): Promise<void>;
}

const tell = (message: FromWorker): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, {}, () => resolve());
  });

const usesTlsChallenge = ({ certificates }: CommonSettings): boolean =>
  certificates.issuers.some((issuer) => issuer.type === 'acme' && issuer.challenges.includes('tls-alpn-01'));

/** Of the account with the first CA that validates by http-01: another one's answers have to be in the storage. */
const thumbprintOf = async (
  { certificates }: CommonSettings,
  storage: Storage,
): Promise<string | undefined> => {
  const ca = certificates.issuers.find(
    (issuer) => issuer.type === 'acme' && issuer.challenges.includes('http-01'),
  );
  return ca?.type === 'acme' ? readThumbprint(storage, ca.directory) : undefined;
};

const compose = (settings: Settings, wantedLevel: string | undefined): Parts => {
  let current: CommonSettings = settings;
  const clock = systemClock;
  const logger = createLogger({
    role: 'worker',
    level: logLevelOf(settings, wantedLevel),
    target: settings.log,
    onDropped: (lines) => bus.emit('log.dropped', { lines }),
  });
  const bus = createEventBus((name, error) =>
    logger.error('part.failed', { part: 'listener', of: name, error }, 'event listener failed'),
  );
  logEvents({ events: bus, logger, clock });
  let stopClicks = logClicks({ events: bus, logger, clock, log: settings.log });
  const tracing = startTracing({ env: process.env, events: bus, emit: bus.emit, clock });
  const storage = withTimes(createFileStorage({ path: settings.certificates.storage.path, clock }), bus.emit);
  const domains = new Map(settings.domains.map((domain) => [domain.name, domain]));
  const isServed = (name: string): boolean => domains.has(name);
  const store = createCertificateStore({ storage });
  const cache = createContextCache({
    store: { read: store.readToServe },
    clock,
    emit: bus.emit,
    maxContexts: MAX_CONTEXTS,
  });
  const metrics = createWorkerMetrics({
    events: bus,
    domains: [...domains.keys()],
    tlsContexts: () => ({ cached: cache.size(), loading: cache.loading() }),
    upstreamConnections: () => listeners.upstreamConnections(),
    queuedRequests: () => listeners.queuedRequests(),
    requestsInFlight: () => listeners.requestsInFlight(),
    connections: () => listeners.connectionCounts(),
  });
  const answerTlsChallenge = createAnswerTlsChallenge({ storage, isServed, clock, emit: bus.emit });
  const requestSettings = (common: CommonSettings): RequestSettings => ({
    upstreams: common.upstreams,
    upstreamUse: common.upstreamUse,
    // asked for on each full handshake of TLS 1.2, so only where a CA may come
    ...(usesTlsChallenge(common) ? { answerTlsChallenge } : {}),
    trustedProxies: common.trustedProxies,
    proxyProtocol: {
      https: common.listen.https.proxyProtocol ?? [],
      http: common.listen.http.proxyProtocol ?? [],
    },
    ...(common.limits === undefined ? {} : { limits: common.limits }),
  });
  const listeners = createListeners({
    findDomain: (name) => domains.get(name),
    handshake: createHandshake({ cache, isServed, emit: bus.emit }),
    answerChallenge: createAnswerChallenge({
      storage,
      clock,
      emit: bus.emit,
      thumbprint: () => thumbprintOf(current, storage),
    }),
    emit: bus.emit,
    settings: requestSettings(settings),
  });
  return {
    logger,
    emit: bus.emit,
    listeners,
    metrics,
    lookAgain: (domain) => cache.lookAgain(domain),
    drainMs: () => current.drainMs,
    endTraces: async () => {
      const end = tracing.then((traces) => traces?.stop());
      await withTimeout(end, { clock, limitMs: LAST_TRACES_MS, late: () => undefined });
    },
    apply: ({ common, domains: { set, removed } }) => {
      if (common !== undefined) {
        current = common;
        // before the names: one of them may go to an upstream that is new
        listeners.apply(requestSettings(common));
        stopClicks();
        stopClicks = logClicks({ events: bus, logger, clock, log: common.log });
        logger.setLevel(logLevelOf(common, wantedLevel));
        logger.setTarget(common.log);
      }
      for (const domain of set) domains.set(domain.name, domain);
      for (const name of removed) domains.delete(name);
      if (set.length > 0) metrics.setDomains([...domains.keys()]);
    },
  };
};

const fail = async (error: unknown): Promise<void> => {
  const { code, message } = toLinkgateError(error);
  await tell({ type: 'failed', code, message });
  process.exit(1);
};

/** Runs this process as a worker: waits for the supervisor's first message, serves, ends. */
export const runWorker = (): void => {
  let parts: Parts | undefined;
  let leaving = false;
  let opened = 0;

  const measured = async (question: number): Promise<void> => {
    if (parts === undefined) return;
    const { metrics, listeners } = parts;
    await tell({
      type: 'measured',
      question,
      snapshot: await metrics.snapshot(),
      contacts: listeners.contacts(),
    });
  };

  const leave = async (time: DrainTime): Promise<void> => {
    if (leaving) return;
    leaving = true;
    const cut = (await parts?.listeners.drain(time)) ?? 0;
    parts?.emit('worker.drained', { cut });
    // what was counted while draining counts too
    await measured(0).catch(() => undefined);
    await parts?.endTraces();
    parts?.logger.flush();
    process.exit(0);
  };

  const listen = (message: ToWorker & { type: 'socket' }, handle: unknown): void => {
    if (parts === undefined) return;
    const { https, http } = parts.listeners;
    const server = message.listener === 'https' ? https : http;
    server.on('error', (error) => void fail(error));
    server.listen(handle, BACKLOG, () => {
      opened += 1;
      if (opened === 2) void tell({ type: 'ready' });
    });
  };

  const hear = (message: ToWorker, handle: unknown): void => {
    switch (message.type) {
      case 'start':
        parts = compose(message.settings, message.logLevel);
        setInterval(() => void measured(0).catch(() => undefined), TELL_MS).unref();
        break;
      case 'socket':
        listen(message, handle);
        break;
      case 'settings':
        parts?.apply(message.change);
        break;
      case 'reopen-log':
        parts?.logger.reopen();
        break;
      case 'look-again':
        void parts?.lookAgain(message.domain);
        break;
      case 'measure':
        void measured(message.question).catch(() => undefined);
        break;
      case 'drain':
        void leave(message.time);
        break;
    }
  };

  process.on('message', (message: ToWorker, handle: unknown) => {
    try {
      hear(message, handle);
    } catch (error) {
      void fail(error);
    }
  });
  // a supervisor that died is started again by whoever started it: what we hold is finished first, nothing new is taken
  process.on('disconnect', () => void leave(handedOver(parts?.drainMs() ?? 0)));
  process.on('SIGTERM', () => void leave(handedOver(parts?.drainMs() ?? 0)));
  // Ctrl-C reaches the whole group: the supervisor decides, and says `drain`
  process.on('SIGINT', () => undefined);
  process.on('SIGHUP', () => undefined);
  process.on('SIGUSR2', () => undefined);
  // Node's default would open a debugger's port
  process.on('SIGUSR1', () => parts?.logger.reopen());
  const bug = (error: unknown): void => {
    parts?.emit('part.failed', { part: 'worker', error });
    parts?.logger.flush();
    process.exit(70);
  };
  process.on('uncaughtException', bug);
  process.on('unhandledRejection', bug);
};
