import t from 'tap';
import { createEventBus } from '../../../src/core/events.ts';
import type { EventBus, EventName } from '../../../src/core/events.ts';
import { logEvents } from '../../../src/observe/logs/log-events.ts';
import { createLogger, type Logger } from '../../../src/observe/logs/logger.ts';
import { EVERY_EVENT } from '../../helpers/every-event.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import type { FakeClock } from '../../helpers/fake-clock.ts';

type Line = Readonly<Record<string, unknown>>;

const capture = (level?: string): { logger: Logger; text: () => string; lines: () => Line[] } => {
  let text = '';
  const destination = { write: (line: string) => void (text += line) };
  return {
    logger: createLogger({ role: 'worker', level, destination }),
    text: () => text,
    lines: () =>
      text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Line),
  };
};

const listen = (
  level?: string,
): ReturnType<typeof capture> & { bus: EventBus; clock: FakeClock; stop: () => void } => {
  const log = capture(level);
  const clock = fakeClock();
  const bus = createEventBus((name, error) => {
    throw new Error(`a listener of ${name} failed`, { cause: error });
  });
  return { ...log, bus, clock, stop: logEvents({ events: bus, logger: log.logger, clock }) };
};

const SECRET = 'MARKER-OF-A-SECRET';

const emitAll = (bus: EventBus): void => {
  const emit = bus.emit as (name: EventName, event: unknown) => void;
  for (const [name, event] of Object.entries(EVERY_EVENT))
    emit(name as EventName, { ...event, extra: SECRET });
};

t.test('no target of a click reaches a log, at no level', async (t) => {
  for (const level of ['trace', 'debug', 'info']) {
    const { bus, text, lines, clock, stop } = listen(level);
    emitAll(bus);
    emitAll(bus);
    await clock.advance(30_000);
    stop();
    t.ok(lines().length >= 9, 'lines were written');
    t.notMatch(text(), SECRET, level);
  }
});

/** Read in the metrics, or written by the logger and the access log. */
const NOT_HERE: readonly EventName[] = [
  'request.completed',
  'request.refused',
  'handshake.completed',
  'context.looked',
  'context.loaded',
  'context.evicted',
  'upstream.waited',
  'storage.completed',
  'order.completed',
  'connection.refused',
  'log.dropped',
];

t.test('one line for each event worth reading, which names it', async (t) => {
  const { bus, lines, stop } = listen();
  emitAll(bus);
  stop();
  const written = new Map(lines().map((line) => [line['event'], line]));
  t.equal(written.size, lines().length, 'one each');
  t.strictSame(
    [...written.keys(), ...NOT_HERE].toSorted(),
    Object.keys(EVERY_EVENT).toSorted(),
    'a new event has its line, or stands among those that have none',
  );
  t.strictSame(
    lines().map(({ level, event, message }) => `${String(level)} ${String(event)}: ${String(message)}`),
    [
      'warn upstream.failed: tracker did not answer',
      'warn upstream.resolved: tracker was not found in the DNS: its last addresses are used',
      'error handshake.failed: handshake failed',
      'error context.failed: certificate cannot be served',
      'info certificate.issued: certificate issued',
      'warn certificate.failed: certificate not issued',
      'warn certificate.doubted: certificate may not be renewed',
      'error storage.failed: storage failed',
      'info worker.started: worker started',
      'error worker.exited: worker died and is replaced',
      'info settings.reloaded: settings reloaded',
      'info program.started: linkgate runs',
      'info program.stopping: linkgate stops: requests in flight are finished',
      'info program.stopped: linkgate stopped',
      'warn worker.drained: connections were cut after the drain time',
      'error part.failed: admin request failed',
      'warn traces.failed: spans were lost: their collector did not take them',
      'info listener.opened: listener opened',
    ],
  );
  const line = (message: string): Line | undefined => lines().find((one) => one['message'] === message);
  t.match(line('certificate not issued'), {
    domain: 'a.example',
    code: 'ERR_ACME_UNAUTHORIZED',
    detail: 'no A record',
    help: 'the CA could not check this name: see that its DNS records, and ports 80 and 443, lead here',
    nextAttempt: '1970-01-01T00:01:00.000Z',
  });
  t.match(line('worker died and is replaced'), { worker: 7, pid: process.pid, signal: 'SIGKILL' });
  t.match(line('certificate issued'), { notAfter: '1970-01-01T00:00:00.000Z', durationMs: 1 });
});

t.test('an expected end of a worker and failed handshakes of clients are no errors', async (t) => {
  const { bus, lines } = listen();
  bus.emit('worker.exited', { pid: 1, exitCode: 0, signal: null, expected: true });
  bus.emit('handshake.failed', { reason: 'unknown-name' });
  bus.emit('handshake.failed', { reason: 'protocol' });
  t.match(lines(), [{ level: 'info', message: 'worker exited' }]);
  t.equal(lines().length, 1);
});

t.test('failures by the thousand: one line per kind and ten seconds, with the number left out', async (t) => {
  const { bus, lines, clock } = listen();
  const fail = (code: 'ERR_UPSTREAM_TIMEOUT' | 'ERR_UPSTREAM_TLS', cause: string): void =>
    bus.emit('upstream.failed', { upstream: 'us', code, cause });
  for (let i = 0; i < 1000; i += 1) fail('ERR_UPSTREAM_TIMEOUT', `${i}`);
  fail('ERR_UPSTREAM_TLS', 'expired');
  t.match(lines(), [
    { code: 'ERR_UPSTREAM_TIMEOUT', cause: '0', suppressed: 0 },
    { code: 'ERR_UPSTREAM_TLS', cause: 'expired', suppressed: 0 },
  ]);
  await clock.advance(9_999);
  t.equal(lines().length, 2);
  await clock.advance(1);
  t.match(lines()[2], { code: 'ERR_UPSTREAM_TIMEOUT', cause: '999', suppressed: 998 });
  t.equal(lines().length, 3, 'nothing more of the kind that came once');
  fail('ERR_UPSTREAM_TIMEOUT', 'again');
  t.equal(lines().length, 3, 'the line that was just written counts for the next ten seconds');
  await clock.advance(20_000);
  t.match(lines()[3], { cause: 'again', suppressed: 0 });
  await clock.advance(20_000);
  t.equal(lines().length, 4);
  t.strictSame(clock.sleepers(), [], 'quiet: no timer is left');
  fail('ERR_UPSTREAM_TIMEOUT', 'later');
  t.match(lines()[4], { cause: 'later', suppressed: 0 }, 'and the next is written at once');
});

t.test('stopping writes what is still to be told and leaves no timer', async (t) => {
  const { bus, lines, clock, stop } = listen();
  for (let i = 0; i < 5; i += 1)
    bus.emit('storage.failed', { code: 'ERR_STORAGE_UNAVAILABLE', message: `${i}` });
  stop();
  await clock.advance(0);
  t.match(lines(), [{ detail: '0' }, { detail: '4', suppressed: 3 }]);
  t.strictSame(clock.sleepers(), []);
  bus.emit('worker.started', { pid: 1 });
  t.equal(lines().length, 2, 'and hears nothing any more');
});

t.test('each file of the storage that cannot be read has its line', async (t) => {
  const { bus, lines } = listen();
  const failed = (file: number): void =>
    bus.emit('storage.failed', { code: 'ERR_STORAGE_UNREADABLE', message: `file ${file}` });
  for (let file = 0; file < 3; file += 1) failed(file);
  t.match(
    lines().map(({ detail }) => detail),
    ['file 0', 'file 1', 'file 2'],
  );
  for (let file = 3; file < 1_000; file += 1) failed(file);
  t.equal(lines().length, 100, 'a hundred in ten seconds');
});
