import t from 'tap';
import { createEventBus, type Events } from '../../src/core/events.ts';
import { logClicks } from '../../src/observe/access-log.ts';
import { createLogger } from '../../src/observe/log.ts';

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
): string[] => {
  const lines: string[] = [];
  const bus = createEventBus(() => undefined);
  const logger = createLogger({ role: 'gate', destination: { write: (line) => void lines.push(line) } });
  const stop = logClicks({ events: bus, logger, log: { clicks, sampleEvery: 3 } });
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
