// HTTP/2 from the wire: the same rules on pseudo-fields, refusals, ceilings, the session's life (RFC 9113).

import { connect as http2Connect, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import t from 'tap';
import { END_HEADERS, END_STREAM, frame, headers, PREFACE, REQUEST } from '../../helpers/http2-frames.ts';
import { ask, gather, serve } from '../../helpers/serve.ts';
import { onRequestHead, scriptedTracker, tracker } from '../../helpers/tracker.ts';
import { pause } from '../../helpers/pause.ts';
import { until } from '../../helpers/until.ts';

t.test('each rule on raw frames: nothing reaches the tracker', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const change = (name: string, value: string): [string, string][] =>
    REQUEST.map(([n, v]) => [n, n === name ? value : v]);
  const cases: [string, [string, string][], string?][] = [
    ['transfer-encoding', [...REQUEST, ['transfer-encoding', 'chunked']]],
    ['connection', [...REQUEST, ['connection', 'keep-alive']]],
    ['keep-alive', [...REQUEST, ['keep-alive', '5']]],
    ['proxy-connection', [...REQUEST, ['proxy-connection', 'x']]],
    ['upgrade', [...REQUEST, ['upgrade', 'h2c']]],
    ['te: gzip', [...REQUEST, ['te', 'gzip']]],
    ['content-length on GET', [...REQUEST, ['content-length', '5']], 'hello'],
    ['content-length that lies', [...change(':method', 'POST'), ['content-length', '2']], 'hello'],
    ['content-length twice', [...change(':method', 'POST'), ['content-length', '5'], ['content-length', '5']], 'hello'],
    ['content-length with a sign', [...change(':method', 'POST'), ['content-length', '+5']], 'hello'],
    ['content on GET', REQUEST, 'GET /smuggled HTTP/1.1\r\nHost: links.example.com\r\n\r\n'],
    ['content on DELETE', change(':method', 'DELETE'), 'hello'],
    ['content on OPTIONS', change(':method', 'OPTIONS'), 'hello'],
    ['two :path', [...REQUEST, [':path', '/smuggled']]],
    ['two :authority', [...REQUEST, [':authority', 'clicks.example.net']]],
    ['two hosts', [...REQUEST, ['host', 'clicks.example.net']]],
    ['another :authority', change(':authority', 'clicks.example.net')],
    ['unknown :authority', change(':authority', 'evil.example.org')],
    ['userinfo', change(':authority', 'u@links.example.com')],
    ['empty :authority', change(':authority', '')],
    ['no :authority', REQUEST.filter(([n]) => n !== ':authority')],
    ['no :path', REQUEST.filter(([n]) => n !== ':path')],
    ['no :method', REQUEST.filter(([n]) => n !== ':method')],
    ['no :scheme', REQUEST.filter(([n]) => n !== ':scheme')],
    ['pseudo-field behind a field', [['x-a', 'b'], ...REQUEST]],
    ['unknown pseudo-field', [...REQUEST, [':evil', 'x']]],
    [':status', [...REQUEST, [':status', '200']]],
    ['method with a space', change(':method', 'GET /smuggled HTTP/1.1\r\nX:')],
    ['method with CR LF', change(':method', 'GET\r\n')],
    ['capitals', [...REQUEST, ['X-A', 'b']]],
    ['empty method', change(':method', '')],
    ['path with a space', change(':path', '/ HTTP/1.1')],
    ['path with CR LF', change(':path', '/ HTTP/1.1\r\nHost: x\r\n\r\nGET /smuggled')],
    ['path with NUL', change(':path', '/\0')],
    ['empty path', change(':path', '')],
    ['asterisk', change(':path', '*').map(([n, v]): [string, string] => [n, n === ':method' ? 'OPTIONS' : v])],
    ['absolute path to another', change(':path', 'https://clicks.example.net/')],
    ['path without a slash', change(':path', 'outer')],
    ['CONNECT', [[':method', 'CONNECT'], [':authority', 'links.example.com:443']]],
    ['extended CONNECT', [...change(':method', 'CONNECT'), [':protocol', 'websocket']]],
    ['expect', [...REQUEST, ['expect', '200-maybe']]],
    ['101 fields', [...REQUEST, ...Array.from({ length: 101 }, (): [string, string] => ['x-a', 'b'])]],
    ['fields of 17 KiB', [...REQUEST, ['x-a', 'b'.repeat(17_000)]]],
  ]; // prettier-ignore
  /** nghttp2 leaves a field with forbidden bytes out by itself; the request goes on as if it had not been sent */
  const without: typeof cases = [
    ['name with CR LF', [...REQUEST, ['x-a\r\nx-b: c', 'd']]],
    ['name with a colon', [...REQUEST, ['x:a', 'b']]],
    ['name with a space', [...REQUEST, ['x a', 'b']]],
    ['empty name', [...REQUEST, ['', 'b']]],
    ['value with CR LF', [...REQUEST, ['x-a', 'b\r\nx-b: c']]],
    ['value with LF', [...REQUEST, ['x-a', 'b\nc']]],
    ['value with NUL', [...REQUEST, ['x-a', 'b\0c']]],
  ]; // prettier-ignore
  for (const [what, fields, content] of [...cases, ...without]) {
    const before = seen.requests.length;
    const socket = await worker.tls('links.example.com', { ALPNProtocols: ['h2'] });
    const answer = gather(socket);
    const block = headers(fields);
    const parts: Buffer[] = [PREFACE];
    const first = block.subarray(0, 16_000);
    const rest = block.subarray(16_000);
    const flags = content === undefined ? END_STREAM : 0;
    parts.push(frame(1, flags | (rest.length === 0 ? END_HEADERS : 0), 1, first));
    if (rest.length > 0) parts.push(frame(9, END_HEADERS, 1, rest));
    if (content !== undefined) parts.push(frame(0, END_STREAM, 1, Buffer.from(content)));
    parts.push(frame(6, 0, 0, Buffer.from('12345678')));
    socket.write(Buffer.concat(parts));
    const passes = without.some(([name]) => name === what);
    if (passes) await until(`${what}: it arrives`, () => seen.requests.length > before);
    else await Promise.race([answer, pause(60)]);
    socket.destroy();
    const got = seen.requests.slice(before);
    if (passes) {
      t.match(got, [{ method: 'GET', target: '/outer' }], what);
      t.notOk(
        got[0]?.rawHeaders.some((part) => /^x|[\r\n\0]/i.test(part) && !/^x-(forwarded|real)/i.test(part)),
        what,
      );
    } else t.same(got, [], what);
  }
});

const refusal = async (
  session: ClientHttp2Session,
  fields: OutgoingHttpHeaders,
  content?: string,
): Promise<number> => (await ask(session, fields, content)).status;

t.test('a refusal has a response, and ends the session after its open streams', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  for (const [status, fields, content] of [
    [421, { ':authority': 'clicks.example.net' }],
    [421, { ':authority': 'evil.example.org' }],
    [400, { ':authority': 'links_example.com' }],
    [400, { ':path': '*', ':method': 'OPTIONS' }],
    [413, { ':method': 'POST', 'content-length': '1048577' }, 'x'.repeat(1_048_577)],
    [400, { expect: '200-maybe' }],
  ] as [number, OutgoingHttpHeaders, string?][]) {
    const session = await worker.h2();
    const closed = new Promise((resolve) => session.on('close', resolve));
    t.equal(await refusal(session, fields, content), status);
    await closed;
  }
  const session = await worker.h2();
  t.equal(await refusal(session, { ':path': '/e/c/x' }), 302, 'a good one does not');
  t.equal(await refusal(session, { ':path': '/e/c/x' }), 302);
});

t.test('a GET that ends with an empty DATA frame is a GET', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  t.match(await ask(await worker.h2(), { ':path': '/a' }, ''), { status: 302 });
  t.match(seen.requests, [{ method: 'GET', target: '/a' }]);
  t.same(seen.requests[0]?.field('transfer-encoding'), []);
});

t.test('content is streamed, sized or not, and cut at the limit', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const post = { ':method': 'POST', ':path': '/unsubscribe/x' };
  t.equal(await refusal(await worker.h2(), post, 'List-Unsubscribe=One-Click'), 302);
  t.equal(seen.requests[0]?.body.toString(), 'List-Unsubscribe=One-Click');
  t.equal(
    await refusal(await worker.h2(), { ...post, 'content-length': '5', expect: '100-continue' }, 'hello'),
    302,
  );
  t.same(seen.requests[1]?.field('content-length'), ['5']);
  t.equal(await refusal(await worker.h2(), post, 'x'.repeat(1024 ** 2)), 302);
  t.equal(await refusal(await worker.h2(), post, 'x'.repeat(1024 ** 2 + 1)), 413);
  t.equal(seen.requests.length, 3);
});

t.test('bytes above 0x7f, cookie crumbs, repeated fields', async (t) => {
  let got = '';
  const seen = await scriptedTracker(t, (socket) =>
    onRequestHead(socket, (request) => {
      got = request;
      socket.write('HTTP/1.1 204 No Content\r\n\r\n');
    }),
  );
  const worker = await serve(t, { tracker: seen });
  const socket = await worker.tls('links.example.com', { ALPNProtocols: ['h2'] });
  const fields: [string, string][] = [
    ...REQUEST.slice(0, 3),
    [':path', '/caf\xe9\xff//a/../b?x=%3D'],
    ['cookie', 'a=1'],
    ['x-a', '\xe9'],
    ['cookie', 'b=2'],
    ['x-a', '2'],
  ];
  socket.write(Buffer.concat([PREFACE, frame(1, END_HEADERS | END_STREAM, 1, headers(fields))]));
  t.match(await worker.next('request.completed'), { status: 204 });
  t.match(got, 'GET /caf\xe9\xff//a/../b?x=%3D HTTP/1.1\r\nhost: links.example.com\r\n');
  t.match(got, '\r\nx-a: \xe9\r\nx-a: 2\r\ncookie: a=1; b=2\r\n');
});

t.test('ceilings: streams at once, resets, requests of a session, idle time', async (t) => {
  const seen = await tracker(t, { answer: () => undefined });
  const worker = await serve(t, { tracker: seen, limits: { http2Streams: 3 } });
  const session = await worker.h2();
  await new Promise<void>((resolve) => {
    const look = (): void => {
      if (session.remoteSettings.maxConcurrentStreams === 3) resolve();
      else session.once('remoteSettings', look);
    };
    look();
  });
  t.equal(session.remoteSettings.maxHeaderListSize, 8 * 16_384 + 32 * 100);
  t.equal(session.remoteSettings.enablePush, false);

  const resetting = await serve(t, {
    tracker: seen,
    limits: { http2ResetBurst: 10, http2ResetsPerSecond: 1 },
  });
  const rapid = await resetting.tls('links.example.com', { ALPNProtocols: ['h2'] });
  const gone = gather(rapid);
  rapid.write(PREFACE);
  const block = headers(REQUEST);
  for (let i = 0; i < 40; i += 1) {
    const cancel = frame(3, 0, i * 2 + 1, Buffer.from([0, 0, 0, 8]));
    rapid.write(Buffer.concat([frame(1, END_HEADERS | END_STREAM, i * 2 + 1, block), cancel]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await gone;
  t.pass('a burst of resets ends the session');

  const quick = await tracker(t);
  const few = await serve(t, { tracker: quick, limits: { requestsPerConnection: 2 } });
  const counted = await few.h2();
  const counting = new Promise((resolve) => counted.on('close', resolve));
  t.equal(await refusal(counted, {}), 302);
  t.equal(await refusal(counted, {}), 302);
  await counting;

  const idle = await serve(t, { tracker: quick, limits: { keepAliveMs: 150 } });
  const silent = await idle.h2();
  await new Promise((resolve) => silent.on('close', resolve));
  const stuck = await idle.h2();
  const open = stuck.request({ ':method': 'GET', ':path': '/' }, { endStream: false });
  open.on('error', () => undefined);
  await new Promise((resolve) => stuck.on('close', resolve));
  t.pass('an idle session ends, also with a stream that never ends');
});

t.test('streams that the client closes before the response count, whatever the code', async (t) => {
  const silent = await tracker(t, { answer: () => undefined });
  const large = await tracker(t, {
    answer: (_request, response) => void response.end(Buffer.alloc(500_000)),
  });
  const block = headers(REQUEST);
  for (const [what, seen] of [
    ['before a byte of it', silent],
    ['in the middle of it', large],
  ] as const) {
    for (const code of [0, 2, 8]) {
      const limits = { http2ResetBurst: 10, http2ResetsPerSecond: 0.1 };
      const worker = await serve(t, { tracker: seen, limits });
      const socket = await worker.tls('links.example.com', { ALPNProtocols: ['h2'] });
      socket.on('error', () => undefined).resume();
      socket.write(PREFACE);
      let sent = 0;
      const before = seen.requests.length;
      const over = (): number => worker.heard('request.completed').length;
      for (; sent < 40 && !socket.destroyed; sent += 1) {
        const id = sent * 2 + 1;
        socket.write(frame(1, END_HEADERS | END_STREAM, id, block));
        if (seen === large)
          await until('it is asked', () => socket.destroyed || seen.requests.length > before + sent);
        socket.write(frame(3, 0, id, Buffer.from([0, 0, 0, code])));
        await until('it is over at once', () => socket.destroyed || over() > sent);
      }
      await until(`${what}, code ${code}: closed`, () => worker.listeners.connections() === 0);
      t.ok(sent >= 10 && sent < 20, `${what}, code ${code}: after ${sent}`);
      seen.cut();
    }
  }
});

t.test('floods of PING and SETTINGS end the session, of readers and of those who never read', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  const ping = frame(6, 0, 0, Buffer.from('12345678'));
  const settings = frame(4, 0, 0, Buffer.from([0, 4, 0, 0, 255, 255]));
  for (const [what, one] of [
    ['PING', ping],
    ['SETTINGS', settings],
  ] as const) {
    for (const reads of [true, false]) {
      const socket = await worker.tls('links.example.com', { ALPNProtocols: ['h2'] });
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.on('error', () => undefined);
      if (reads) socket.resume();
      socket.write(PREFACE);
      const flood = Buffer.concat(Array.from({ length: 1_000 }, () => one));
      let sent = 0;
      const pour = (): void => {
        while (!socket.destroyed && sent < 50_000_000) {
          sent += flood.length;
          if (!socket.write(flood)) break;
        }
      };
      socket.on('drain', pour);
      pour();
      await until(`${what} are cut off`, () => worker.listeners.connections() === 0);
      socket.destroy();
      await closed;
      t.ok(sent < 50_000_000, `${what}, ${reads ? 'read' : 'unread'}: after ${sent} bytes`);
    }
  }
  const calm = await worker.h2();
  for (let i = 0; i < 50; i += 1) await new Promise<void>((resolve) => calm.ping(() => resolve()));
  t.equal((await ask(calm, {})).status, 302, 'a client that measures its distance is served');
});

t.test('a POST whose content never comes is a 408', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t), limits: { requestMs: 150 } });
  const session = await worker.h2();
  const stream = session.request({ ':method': 'POST', ':path': '/' });
  stream.on('error', () => undefined);
  t.equal(await new Promise((resolve) => stream.on('response', (fields) => resolve(fields[':status']))), 408);
});

t.test(
  'a handshake that ends during a drain gets its first response, and a moment to send a request',
  async (t) => {
    const worker = await serve(t, { tracker: await tracker(t) });
    const fresh = await worker.h2();
    const silent = await worker.h2();
    const used = await worker.h2();
    t.equal(await refusal(used, {}), 302);
    const closing = (session: ClientHttp2Session): Promise<void> =>
      new Promise((resolve) => session.on('close', () => resolve()));
    const closed = [fresh, silent, used].map(closing);
    await until('all of them stand', () => worker.listeners.connections() === 3);

    // TCP stands, TLS does not yet
    const socket = connect(worker.httpsPort, '127.0.0.1');
    await until('it is accepted', () => worker.listeners.connections() === 4);
    const before = performance.now();
    const drained = worker.listeners.drain({ timeoutMs: 60_000, graceMs: 1_000 });
    await closed[2];
    const late = await new Promise<ClientHttp2Session>((resolve) => {
      const tls = tlsConnect({
        socket,
        servername: 'links.example.com',
        ca: worker.pki.rootPem,
        ALPNProtocols: ['h2'],
      });
      tls.once('secureConnect', () => {
        resolve(http2Connect('https://links.example.com', { createConnection: () => tls }));
      });
    });
    closed.push(closing(late));
    await new Promise((resolve) => late.once('remoteSettings', resolve));
    t.match(await ask(late, {}), { status: 302, code: 0 }, 'late');
    t.match(await ask(fresh, {}), { status: 302, code: 0 }, 'stood, and had asked nothing');
    await Promise.all(closed);
    t.equal(await drained, 0, 'nothing was cut');
    t.ok(performance.now() - before < 40_000, 'the silent one does not hold it up');
  },
);

t.test('many good requests on one connection are no resets', async (t) => {
  const worker = await serve(t, {
    tracker: await tracker(t),
    limits: { http2ResetBurst: 5, http2ResetsPerSecond: 1 },
  });
  const session = await worker.h2();
  for (let count = 0; count < 20; count += 1)
    t.match(await ask(session, { ':path': '/e/c/x' }), { status: 302 });
  t.notOk(session.closed);
  await until('all are told', () => worker.heard('request.completed').length === 20);
  t.ok(worker.heard('request.completed').every(({ complete }) => complete));
});
