// The content of a request as the tracker receives it: with its length, in chunks, in one write, or broken off.

import { Readable } from 'node:stream';
import t from 'tap';
import { onRequestHead, scriptedTracker, tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';
import { send, upstreamTo } from '../../helpers/upstream-client.ts';

const pieces = (...all: string[]): Readable => Readable.from(all.map((piece) => Buffer.from(piece)));
/** Everything waits in it, and its end too. */
const whole = async (text: string): Promise<Readable> => {
  const stream = new Readable({ read: () => undefined });
  if (text !== '') stream.push(text);
  stream.push(null);
  await new Promise((resolve) => setImmediate(resolve));
  return stream;
};

t.test('framing', async (t) => {
  const seen = await tracker(t);
  const upstream = upstreamTo(t, seen);
  for (const [what, method, body, isWhole, fields, framing, text] of [
    ['chunked', 'POST', pieces('ab', 'c'), false, [], 'transfer-encoding: chunked', 'abc'],
    ['its length', 'POST', pieces('ab', 'c'), false, ['Content-Length', '3'], 'content-length: 3', 'abc'],
    ['here already', 'POST', await whole('abc'), true, [], 'content-length: 3', 'abc'],
    [
      'here already, with its length',
      'PUT',
      await whole('abc'),
      true,
      ['Content-Length', '3'],
      'content-length: 3',
      'abc',
    ],
    ['here already, and nothing', 'POST', await whole(''), true, [], 'content-length: 0', ''],
    ['none', 'POST', undefined, true, [], 'content-length: 0', ''],
    ['none, as announced', 'POST', undefined, true, ['Content-Length', '0'], 'content-length: 0', ''],
    ['none for a GET', 'GET', undefined, true, ['Content-Length', '0'], '', ''],
  ] as const) {
    // prettier-ignore
    const ended = body === undefined ? undefined : new Promise((resolve) => body.once('end', resolve));
    const got = await send(upstream, 'a', {
      method,
      isWhole,
      fields,
      ...(body === undefined ? {} : { body }),
    });
    t.match(got, { status: 302, error: undefined }, what);
    await ended;
    const request = seen.requests.at(-1);
    t.equal(request?.body.toString(), text, what);
    const [name = '', value] = framing.split(': ');
    for (const known of ['content-length', 'transfer-encoding'])
      t.strictSame(request?.field(known), known === name ? [value] : [], `${what}: ${known}`);
  }
  t.equal(seen.connections(), 1, 'on one connection');
});

t.test('back-pressure: a tracker that does not read holds the content back', async (t) => {
  let pushed = 0;
  const size = 20_000_000;
  const body = new Readable({
    read() {
      pushed += 100_000;
      this.push(pushed > size ? null : Buffer.alloc(100_000, 'x'));
    },
  });
  let goOn: (() => void) | undefined;
  let received = 0;
  const target = await scriptedTracker(t, (socket) => {
    socket.once('data', () => {
      socket.pause();
      goOn = () => {
        socket.on('data', (chunk) => {
          received += chunk.length;
          if (chunk.toString('latin1').endsWith('0\r\n\r\n')) socket.write('HTTP/1.1 204 No Content\r\n\r\n');
        });
        socket.resume();
      };
    });
  });
  const got = send(upstreamTo(t, target), 'a', { method: 'POST', body });
  let before = -1;
  await until('nothing more is read of it', () => {
    const isStill = goOn !== undefined && before === pushed;
    before = pushed;
    return isStill;
  });
  t.ok(pushed < size, `${pushed} of ${size}`);
  goOn?.();
  t.match(await got, { status: 204, error: undefined });
  t.ok(received >= size - 100_000);
});

t.test('a content that breaks off, or is not as long as announced, ends the connection', async (t) => {
  for (const [what, body, fields] of [
    ['too short', () => pieces('ab'), ['Content-Length', '3']],
    ['too long', () => pieces('ab', 'cd'), ['Content-Length', '3']],
    [
      'an error',
      () =>
        new Readable({
          read() {
            this.destroy(new Error('broken'));
          },
        }),
      [],
    ],
    [
      'closed',
      () =>
        new Readable({
          read() {
            this.destroy();
          },
        }),
      [],
    ],
  ] as const) {
    // prettier-ignore
    let [answered, open] = [0, 0];
    const target = await scriptedTracker(t, (socket) => {
      open += 1;
      socket.on('close', () => (open -= 1));
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        if (text.endsWith('0\r\n\r\n')) answered += 1;
      });
    });
    const got = await send(upstreamTo(t, target), 'a', { method: 'POST', body: body(), fields });
    t.ok(got.error, what);
    await until('closed', () => open === 0);
    t.equal(answered, 0, `${what}: it never looks whole`);
  }
});

t.test('one that is whole but of another length is not sent', async (t) => {
  let heads = 0;
  const target = await scriptedTracker(t, (socket) => onRequestHead(socket, () => (heads += 1)));
  const body = await whole('abc');
  const got = await send(upstreamTo(t, target), 'a', {
    method: 'POST',
    body,
    isWhole: true,
    fields: ['Content-Length', '2'],
  });
  t.match(got.error, { code: 'ERR_REQUEST_MALFORMED' });
  t.equal(heads, 0);
});
