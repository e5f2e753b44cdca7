// How many fields HTTP/2 takes: a field for each cookie, as browsers send them, is one field; what is over a limit is a 431.

import type { ClientHttp2Session } from 'node:http2';
import t from 'tap';
import { END_HEADERS, END_STREAM, frame, headers, PREFACE, REQUEST } from '../../helpers/http2-frames.ts';
import { ask, serve } from '../../helpers/serve.ts';
import { tracker } from '../../helpers/tracker.ts';

/** Node holds a client to the list it announced (RFC 9113 §6.5.2) as soon as that client has acknowledged it, not before. */
const settled = (session: ClientHttp2Session): Promise<void> =>
  new Promise((resolve) => session.once('remoteSettings', () => session.ping(() => resolve())));

const cookies = (count: number, bytes: number): string[] =>
  Array.from({ length: count }, (_, i) => `c${i}=`.padEnd(bytes, 'x'));

t.test('a field for each cookie: they are one at the tracker, in order', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  for (const known of [true, false]) {
    for (const count of [95, 170, 300, 480]) {
      const jar = cookies(count, 25);
      const session = await worker.h2();
      if (known) await settled(session);
      t.match(await ask(session, { cookie: jar, 'x-a': 'b' }), { status: 302, code: 0 }, `${count} cookies`);
      t.same(seen.requests.at(-1)?.field('cookie'), [jar.join('; ')]);
    }
  }
});

t.test('a list over a limit is a 431 and reaches no tracker', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const others = (count: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, 'b']));
  for (const known of [true, false]) {
    for (const [what, fields] of [
      ['101 fields with the Host', others(100)],
      ['101 fields with Host and Cookie', { ...others(99), cookie: cookies(170, 25) }],
      ['a repeated field', { 'x-a': Array.from({ length: 600 }, () => 'b') }],
      ['1,000 fields', others(1_000)],
      ['cookies of 17 KiB', { cookie: cookies(170, 100) }],
      ['cookies of 17 KiB and their separators', { cookie: cookies(640, 25) }],
      ['cookies of 40 KiB', { cookie: cookies(400, 100) }],
      ['one field of 40 KiB', { 'x-a': 'b'.repeat(40_000) }],
    ] as const) {
      const session = await worker.h2();
      if (known) await settled(session);
      t.match(await ask(session, fields as Record<string, string>), { status: 431 }, what);
    }
  }
  t.same(seen.requests, []);
  const session = await worker.h2();
  await settled(session);
  t.match(await ask(session, others(99)), { status: 302 }, '100 fields with the Host are not over it');
  t.match(await ask(session, { ...others(98), cookie: cookies(170, 25) }), { status: 302 });
});

t.test('many small fields are a 431 that is counted, and many small cookies are one field', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  for (const known of [true, false]) {
    for (const count of [1_125, 1_300, 1_900]) {
      const session = await worker.h2();
      if (known) await settled(session);
      const before = worker.heard('request.refused').length;
      const response = await ask(session, { 'x-a': Array.from({ length: count }, () => 'b') });
      t.match(response, { status: 431 }, `${count} fields`);
      t.match(worker.heard('request.refused').slice(before), [{ code: 'ERR_REQUEST_HEADERS_TOO_LARGE' }]);
    }
    const session = await worker.h2();
    if (known) await settled(session);
    t.match(await ask(session, { cookie: Array.from({ length: 1_300 }, () => 'a=b') }), { status: 302 });
  }
  const session = await worker.h2();
  await settled(session);
  t.match(await ask(session, { 'x-a': Array.from({ length: 3_500 }, () => 'b') }), { status: 431 });
  t.equal(seen.requests.length, 2);
});

t.test('a list that is larger than what is read to refuse it reaches nobody', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const socket = await worker.tls('links.example.com', { ALPNProtocols: ['h2'] });
  const block = headers([...REQUEST, ...Array.from({ length: 5_000 }, (): [string, string] => ['x-a', 'b'])]);
  const most = 16_000;
  const flood = Array.from({ length: 20 }, (_, n) => [
    frame(1, END_STREAM, n * 2 + 1, block.subarray(0, most)),
    frame(9, 0, n * 2 + 1, block.subarray(most, 2 * most)),
    frame(9, END_HEADERS, n * 2 + 1, block.subarray(2 * most)),
  ]).flat();
  const good = frame(1, END_HEADERS | END_STREAM, 41, headers(REQUEST));
  socket.write(Buffer.concat([PREFACE, ...flood, good]));
  t.match(await worker.next('request.completed'), { status: 302, complete: true }, 'a good one goes on');
  t.equal(worker.heard('request.completed').length, 1);
  t.equal(seen.requests.length, 1);
});
