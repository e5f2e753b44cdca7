// Secrets of every kind are pushed through every event and through errors with causes and details, into each text of each of
// them; none comes out, in either format. A new event is in the table of test/helpers/every-event.ts, and so in here.

import t, { type Test } from 'tap';
import { LinkgateError } from '../../../src/core/errors.ts';
import { createEventBus, type EventBus, type EventName } from '../../../src/core/events.ts';
import { logClicks } from '../../../src/observe/logs/access-log.ts';
import { logEvents } from '../../../src/observe/logs/log-events.ts';
import { prettyLine } from '../../../src/observe/logs/log-pretty.ts';
import { createLogger } from '../../../src/observe/logs/logger.ts';
import { EVERY_EVENT } from '../../helpers/every-event.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { gather, serve } from '../../helpers/serve.ts';
import { tracker } from '../../helpers/tracker.ts';

/** No secret: made up for this file. */
const SECRETS = {
  bearer: 'zq8Tk2mPfW',
  cookie: 'sessionOf4711',
  password: 'hunter-two!',
  eab: 'Q2hvb3NlIGEgcmFuZG9tIEhNQUMga2V5IDEyMzQ1Njc4',
  tsig: 'fV5/Hc0tUYr9sZ+Q1n3bKx7Lw2mJ8pD4aE6gT0iO/Rs=',
  challenge: 'evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA',
  pemLine: 'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg',
  click: 'dgTvBgMAAY',
  query: 'email=jane%40example.com',
};
const ADDRESS = '203.0.113.77';

/** How each of them turns up in words of libraries, CAs and programs. */
const WORDS: readonly string[] = [
  `Authorization: Bearer ${SECRETS.bearer}`,
  `request failed with Bearer ${SECRETS.bearer} at the collector`,
  `{"cookie": "id=${SECRETS.cookie}; a=b"}`,
  `Set-Cookie: cid=${SECRETS.cookie}`,
  `PKCS#12 passphrase: "${SECRETS.password}" does not fit`,
  `exec failed: DNS_PASSWORD=${SECRETS.password} present`,
  `https://user:${SECRETS.password}@ca.example/directory`,
  `eab.hmacKey=${SECRETS.eab}`,
  `external account binding with ${SECRETS.eab} was refused`,
  `key "${SECRETS.tsig}" is not base64`,
  `GET /.well-known/acme-challenge/${SECRETS.challenge}.${SECRETS.challenge}`,
  `-----BEGIN PRIVATE KEY-----\n${SECRETS.pemLine}\n-----END PRIVATE KEY-----`,
  `GET /e/c/${SECRETS.click} HTTP/1.1`,
  `https://links.example.com/unsubscribe/${SECRETS.click}?${SECRETS.query}`,
  `POST /other?${SECRETS.query}`,
];

/** What chooses the words of a line: from our own tables. */
const OWN = new Set(['code', 'errorCode', 'part']);

const poisoned = (value: unknown, words: string): unknown => {
  if (typeof value === 'string') return `${value} ${words}`;
  if (Array.isArray(value)) return [...(value as unknown[]), words];
  if (value instanceof Error) {
    const deepest = new Error(words, { cause: words });
    const cause = new TypeError('inner', { cause: deepest });
    return new LinkgateError('ERR_INTERNAL', `outer ${words}`, { cause, details: { words } as never });
  }
  return value;
};

const variants = (event: object, words: string): object[] => [
  { ...event, extra: words, headers: { cookie: words }, details: [words] },
  ...Object.entries(event)
    .filter(([name]) => !OWN.has(name))
    .map(([name, value]) => ({ ...event, [name]: poisoned(value, words) })),
];

const written: string[] = [];
const destination = { write: (line: string) => void written.push(line) };

const check = (t: Test, secrets: readonly string[], what: string): void => {
  const text = written.map((line) => line + prettyLine(line, false) + prettyLine(line, true)).join('');
  for (const secret of secrets) if (text.includes(secret)) t.fail(`${what} lets ${secret} through`, { text });
  written.length = 0;
};

t.test('no secret comes out of any event', async (t) => {
  const logger = createLogger({ role: 'worker', level: 'trace', destination });
  let lines = 0;
  for (const [name, event] of Object.entries(EVERY_EVENT)) {
    for (const words of WORDS) {
      for (const variant of variants(event, words)) {
        const bus: EventBus = createEventBus((_, error) => {
          throw error;
        });
        const clock = fakeClock();
        const stop = logEvents({ events: bus, logger, clock });
        const stopClicks = logClicks({ events: bus, logger, clock, log: { clicks: 'all', sampleEvery: 2 } });
        (bus.emit as (name: EventName, event: unknown) => void)(name as EventName, variant);
        stop();
        stopClicks();
      }
      lines += written.length;
      check(t, Object.values(SECRETS), name);
    }
  }
  t.ok(lines > 500, `${lines} lines`);
});

t.test('nor of an error, whatever it carries', async (t) => {
  const logger = createLogger({ role: 'supervisor', level: 'trace', destination });
  for (const words of WORDS) {
    const error = poisoned(new Error('x'), words) as Error;
    logger.error('part.failed', { error }, 'x');
    logger.error('part.failed', { error: Object.assign(new Error(words), { request: words }) }, 'x');
    logger.error('part.failed', { error: words }, 'x');
    logger.error('part.failed', { error: new AggregateError([new Error(words)], words) }, 'x');
    check(t, Object.values(SECRETS), words);
  }
});

t.test('nor of a real click, whose client keeps the last byte of its address', async (t) => {
  const home = await tracker(t);
  const worker = await serve(t, { tracker: home, trustedProxies: ['127.0.0.1'] });
  const logger = createLogger({ role: 'worker', level: 'trace', destination });
  const clock = fakeClock();
  logEvents({ events: worker.bus, logger, clock });
  logClicks({ events: worker.bus, logger, clock, log: { clicks: 'all', sampleEvery: 2 } });
  const request =
    `GET /e/c/${SECRETS.click}?${SECRETS.query} HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n` +
    `Cookie: id=${SECRETS.cookie}\r\nAuthorization: Bearer ${SECRETS.bearer}\r\nX-Forwarded-For: ${ADDRESS}\r\n` +
    `Referer: https://mail.example/?${SECRETS.query}\r\n\r\n`;
  for (const home of ['alive', 'gone']) {
    if (home === 'gone') worker.listeners.apply({ ...worker.settings, upstreams: GONE });
    const socket = await worker.tls('links.example.com', { ALPNProtocols: ['http/1.1'] });
    const answer = gather(socket);
    socket.write(request);
    t.match(await answer, home === 'alive' ? / 302 / : / 502 /);
  }
  const text = written.join('');
  t.match(text, '203.0.113.0/24', 'the network is there');
  t.match(text, 'tracker did not answer');
  check(t, [...Object.values(SECRETS), ADDRESS], 'a click');
});

/** nobody listens there */
const GONE = [{ id: 'us', origin: 'https://127.0.0.1:9', serverName: 'e.customeriomail.com' }] as const;
