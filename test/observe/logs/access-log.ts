import t from 'tap';
import { createEventBus, type Events } from '../../../src/core/events.ts';
import { logClicks } from '../../../src/observe/logs/access-log.ts';
import { createLogger } from '../../../src/observe/logs/logger.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';

const SECRET = 'MARKER-OF-A-SECRET';

const click: Events['request.completed'] = {
  id: 'abc',
  domain: 'links.example.com',
  listener: 'https',
  httpVersion: '2',
  method: 'GET',
  target: `/e/c/${SECRET}?${SECRET}`,
  status: 302,
  bytes: 12,
  durationMs: 1.2345,
  upstreamMs: 1.05,
  complete: true,
  network: '192.0.2.0/24',
  tls: { version: 'TLSv1.3', resumed: false },
};

const log = (
  clicks: 'none' | 'sampled' | 'all',
  events: readonly Events['request.completed'][],
  level = 'info',
): string[] => {
  const lines: string[] = [];
  const bus = createEventBus(() => undefined);
  const logger = createLogger({
    role: 'worker',
    level,
    destination: { write: (line) => void lines.push(line) },
  });
  const clock = fakeClock();
  const stop = logClicks({ events: bus, logger, clock, log: { clicks, sampleEvery: 3 } });
  for (const event of events) bus.emit('request.completed', event);
  stop();
  bus.emit('request.completed', click);
  logger.flush();
  return lines;
};

t.test('all: what, how, how long, and nothing that opens the link', async (t) => {
  const [line = '', ...more] = log('all', [click]);
  t.same(more, []);
  t.match(JSON.parse(line), {
    event: 'request.completed',
    message: 'click',
    id: 'abc',
    domain: 'links.example.com',
    kind: 'click',
    method: 'GET',
    status: 302,
    bytes: 12,
    durationMs: 1.2,
    upstreamMs: 1.1,
    listener: 'https',
    http: '2',
    tls: 'TLSv1.3',
    resumed: false,
    network: '192.0.2.0/24',
  });
  t.notMatch(line, SECRET);
});

t.test('what went wrong is said', async (t) => {
  const { tls: _tls, upstreamMs: _upstreamMs, ...plain } = click;
  const [line = ''] = log('all', [
    { ...plain, listener: 'http', complete: false, status: 504, errorCode: 'ERR_UPSTREAM_TIMEOUT' },
  ]);
  t.match(JSON.parse(line), { status: 504, complete: false, code: 'ERR_UPSTREAM_TIMEOUT', listener: 'http' });
  t.notMatch(line, '"tls"');
});

t.test('sampled: one in n; none: none', async (t) => {
  const ten = Array.from({ length: 10 }, () => click);
  t.equal(log('sampled', ten).length, 3);
  t.equal(log('none', ten).length, 0);
});

t.test('an error page has its line under its id, whatever is asked for', async (t) => {
  const failed = { ...click, status: 502, errorCode: 'ERR_UPSTREAM_TLS' } as const;
  const refused = { ...click, status: 413, errorCode: 'ERR_REQUEST_BODY_TOO_LARGE' } as const;
  for (const clicks of ['none', 'sampled'] as const) {
    const lines = log(clicks, [failed, refused]);
    t.match(
      lines.map((line) => JSON.parse(line) as object),
      [{ level: 'warn', id: 'abc', code: 'ERR_UPSTREAM_TLS', status: 502, message: 'error page was sent' }],
    );
    t.equal(lines.length, 1, 'the client’s own fault is not worth a line');
    t.notMatch(lines.join(''), SECRET);
  }
  t.match(log('none', [failed, refused], 'debug').length, 2, 'but for who debugs');
  t.equal(log('all', [failed]).length, 1, 'not twice');
});

t.test('a hundred of them in ten seconds, and how many more there were', async (t) => {
  const failed = { ...click, status: 502, errorCode: 'ERR_UPSTREAM_TLS' } as const;
  const lines: string[] = [];
  const clock = fakeClock();
  const bus = createEventBus(() => undefined);
  const logger = createLogger({ role: 'worker', destination: { write: (line) => void lines.push(line) } });
  logClicks({ events: bus, logger, clock, log: { clicks: 'none', sampleEvery: 3 } });
  for (let i = 0; i < 150; i += 1) bus.emit('request.completed', failed);
  t.equal(lines.length, 100);
  await clock.advance(10_000);
  bus.emit('request.completed', failed);
  t.match(JSON.parse(lines[100] ?? ''), { suppressed: 50 });
});
