import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { GateError } from '../../src/core/errors.ts';
import { createEventBus } from '../../src/core/events.ts';
import type { EventBus, EventName, Events } from '../../src/core/events.ts';
import { createLogger, logEvents } from '../../src/observe/log.ts';
import type { Logger } from '../../src/observe/log.ts';
import { fakeClock } from '../helpers/fake-clock.ts';
import type { FakeClock } from '../helpers/fake-clock.ts';

type Line = Readonly<Record<string, unknown>>;

const capture = (level?: string): { logger: Logger; text: () => string; lines: () => Line[] } => {
  let text = '';
  const destination = { write: (line: string) => void (text += line) };
  return {
    logger: createLogger({ role: 'gate', level, destination }),
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

t.test('a line says when, who, how bad and what', async (t) => {
  const { logger, lines } = capture();
  logger.info({ domain: 'a.example' }, 'hello');
  logger.debug({}, 'not at this level');
  const [line, ...more] = lines();
  t.match(line, { level: 'info', role: 'gate', pid: process.pid, domain: 'a.example', message: 'hello' });
  t.match(line?.['time'], /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  t.strictSame(more, []);
});

t.test('the level is chosen by name; one that is unknown is told', async (t) => {
  const debug = capture('debug');
  debug.logger.debug({}, 'x');
  t.equal(debug.lines().length, 1);
  debug.logger.setLevel('warn');
  debug.logger.info({}, 'x');
  debug.logger.setLevel('loud');
  debug.logger.warn({}, 'y');
  t.match(
    debug.lines().slice(1),
    [{ level: 'warn', message: 'y' }],
    'it can be changed, to a level that is one',
  );
  const silent = capture('silent');
  silent.logger.error({}, 'x');
  t.equal(silent.lines().length, 0);
  const wrong = capture('loud');
  wrong.logger.debug({}, 'x');
  t.match(wrong.lines(), [{ level: 'warn', message: 'log level "loud" is unknown: info is used' }]);
  t.equal(wrong.lines().length, 1);
  t.equal(capture('').lines().length, 0);
});

t.test('an error is written with its code, its help and why', async (t) => {
  const { logger, lines } = capture();
  const cause = new Error('EACCES', { cause: new Error('deeper') });
  logger.error({ error: new GateError('ERR_STORAGE_UNAVAILABLE', 'storage is gone', { cause }) }, 'x');
  logger.error({ error: new TypeError('bug') }, 'x');
  logger.error({ error: 'text' }, 'x');
  const loop = new Error('loop');
  loop.cause = loop;
  logger.error({ error: loop }, 'x');
  const [known, bug, text, circle] = lines();
  t.match(known?.['error'], {
    code: 'ERR_STORAGE_UNAVAILABLE',
    message: 'storage is gone',
    help: /writable/,
    causes: ['EACCES', 'deeper'],
    stack: undefined,
  });
  t.match(bug?.['error'], { message: 'bug', stack: /TypeError: bug/ });
  t.match(text?.['error'], { message: 'text' });
  t.match(circle?.['error'], { causes: { length: 5 } });
});

const SECRET = 'MARKER-OF-A-SECRET';

/** One event of each name, the target of a click marked. */
const EVERY_EVENT: { readonly [N in EventName]: Events[N] } = {
  'request.completed': {
    id: 'i',
    domain: 'a.example',
    listener: 'https',
    httpVersion: '2',
    method: 'GET',
    target: `/e/c/${SECRET}`,
    status: 302,
    bytes: 1,
    durationMs: 1,
    errorCode: 'ERR_UPSTREAM_TIMEOUT',
    complete: true,
  },
  'request.refused': { listener: 'http', code: 'ERR_REQUEST_MALFORMED', status: 400 },
  'upstream.failed': { upstream: 'us', code: 'ERR_UPSTREAM_TIMEOUT', cause: 'slow' },
  'upstream.resolved': { upstream: 'us', result: 'kept', cause: 'queryA ETIMEOUT' },
  'upstream.waited': { upstream: 'us', waitMs: 1 },
  'handshake.completed': { version: 'TLSv1.3', resumed: false },
  'handshake.failed': { reason: 'internal' },
  'context.looked': { result: 'hit' },
  'context.loaded': { durationMs: 1 },
  'context.evicted': {},
  'context.failed': { domain: 'a.example', code: 'ERR_CERT_INVALID', message: 'bad' },
  'certificate.issued': {
    domain: 'a.example',
    issuer: 'local',
    serial: '0a',
    notAfterMs: 0,
    durationMs: 1.4,
  },
  'certificate.failed': {
    domain: 'a.example',
    issuer: 'letsencrypt',
    code: 'ERR_ACME_UNAUTHORIZED',
    detail: 'no A record',
    nextAttemptMs: 60_000,
  },
  'certificate.doubted': { domain: 'a.example', code: 'ERR_CERT_NAME_UNREADY', detail: 'no A record' },
  'order.completed': { issuer: 'local', result: 'issued', durationMs: 1 },
  'storage.completed': { operation: 'read', durationMs: 1, failed: true },
  'storage.failed': { code: 'ERR_STORAGE_UNAVAILABLE', message: 'disk full' },
  'gate.started': { pid: 7 },
  'gate.exited': { pid: 7, exitCode: null, signal: 'SIGKILL', expected: false },
  'gate.drained': { cut: 1 },
  'connection.refused': { listener: 'https', reason: 'total' },
  'settings.reloaded': { domains: 2, changed: 1, removed: 0, atRestart: ['listen.https'] },
  'listener.opened': { listener: 'https', host: '::', port: 443 },
};

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

t.test('one line for each event worth reading', async (t) => {
  const { bus, lines, stop } = listen();
  emitAll(bus);
  stop();
  t.strictSame(
    lines().map(({ level, message }) => `${String(level)} ${String(message)}`),
    [
      'warn tracker did not answer',
      'warn tracker was not found in the DNS: its last addresses are used',
      'error handshake failed',
      'error certificate cannot be served',
      'info certificate issued',
      'warn certificate not issued',
      'warn certificate may not be renewed',
      'error storage failed',
      'info gate started',
      'error gate died and is replaced',
      'info settings reloaded',
      'info listener opened',
    ],
  );
  const line = (message: string): Line | undefined => lines().find((one) => one['message'] === message);
  t.match(line('certificate not issued'), {
    domain: 'a.example',
    code: 'ERR_ACME_UNAUTHORIZED',
    detail: 'no A record',
    help: 'the CA could not reach this name on port 80: check its DNS records',
    nextAttempt: '1970-01-01T00:01:00.000Z',
  });
  t.match(line('gate died and is replaced'), { gate: 7, pid: process.pid, signal: 'SIGKILL' });
  t.match(line('certificate issued'), { notAfter: '1970-01-01T00:00:00.000Z', durationMs: 1 });
});

t.test('an expected end of a gate and failed handshakes of clients are no errors', async (t) => {
  const { bus, lines } = listen();
  bus.emit('gate.exited', { pid: 1, exitCode: 0, signal: null, expected: true });
  bus.emit('handshake.failed', { reason: 'unknown-name' });
  bus.emit('handshake.failed', { reason: 'protocol' });
  t.match(lines(), [{ level: 'info', message: 'gate exited' }]);
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
  bus.emit('gate.started', { pid: 1 });
  t.equal(lines().length, 2, 'and hears nothing any more');
});

t.test('writes to a file descriptor', async (t) => {
  const path = join(t.testdir(), 'log');
  const fd = openSync(path, 'w');
  const logger = createLogger({ role: 'keeper', destination: fd });
  logger.info({}, 'on disk');
  logger.flush();
  t.match(JSON.parse(readFileSync(path, 'utf8')), { role: 'keeper', message: 'on disk' });
  closeSync(fd);
});
