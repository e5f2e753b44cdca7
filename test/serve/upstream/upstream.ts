// Connections to a tracker: one TLS name, reuse across customers, verification, stale connections, the queue.

import { Readable } from 'node:stream';
import t from 'tap';
import { createPki } from '../../helpers/pki.ts';
import { serve } from '../../helpers/serve.ts';
import { recorder } from '../../helpers/recorder.ts';
import { onRequestHead, scriptedTracker, tracker } from '../../helpers/tracker.ts';
import { send, upstreamTo, type Got } from '../../helpers/upstream-client.ts';
import { pause } from '../../helpers/pause.ts';
import { until } from '../../helpers/until.ts';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

t.test('the TLS name is the upstream’s, whatever Host; one connection serves every customer', async (t) => {
  const seen = await tracker(t);
  const upstream = upstreamTo(t, seen);
  for (let i = 0; i < 20; i += 1) {
    const host = `links${i}.example.com`;
    t.equal((await send(upstream, host)).status, 302);
    t.same(seen.requests[i]?.field('host'), [host]);
    t.equal(seen.requests[i]?.servername, 'e.customeriomail.com');
  }
  t.equal(seen.connections(), 1);
  t.match(upstream.counts(), { active: 0, waiting: 0, open: 1 });
});

t.test(
  'a certificate of another authority, for another name, or run out, ends before a byte is sent',
  async (t) => {
    const seen = await tracker(t);
    const stranger = await send(upstreamTo(t, { ...seen, caPem: createPki().rootPem }), 'a');
    t.match(stranger.error?.code, /SELF_SIGNED|UNABLE_TO|CERT_SIGNATURE/);
    const wrongName = await send(upstreamTo(t, { ...seen, serverName: 'e-eu.customeriomail.com' }), 'a');
    t.equal(wrongName.error?.code, 'ERR_TLS_CERT_ALTNAME_INVALID');
    t.same(seen.requests, []);
    const now = Date.now();
    const over = await tracker(t, {
      validity: { notBeforeMs: now - 172_800_000, notAfterMs: now - 86_400_000 },
    });
    t.equal((await send(upstreamTo(t, over), 'a')).error?.code, 'CERT_HAS_EXPIRED');
    const worker = await serve(t, { tracker: over });
    const answer = await worker.raw('GET / HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n\r\n');
    t.match(answer, /^HTTP\/1\.1 502 /);
    t.match(await worker.next('upstream.failed'), { code: 'ERR_UPSTREAM_TLS' });
    t.same(over.requests, []);
  },
);

t.test(
  'a GET or HEAD on a connection the tracker had closed is sent once more, on a fresh one',
  async (t) => {
    for (const method of ['GET', 'HEAD']) {
      const requests: number[] = [];
      const upstream = upstreamTo(
        t,
        await scriptedTracker(t, (socket, connection) => {
          let count = 0;
          onRequestHead(socket, (text) => {
            requests.push(connection);
            count += 1;
            // the first connection says nothing to its second request
            if (connection === 1 && count === 2) socket.destroy();
            else
              socket.write(
                text.startsWith('HEAD')
                  ? 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n'
                  : OK,
              );
          });
        }),
      );
      t.equal((await send(upstream, 'a')).status, 200, 'warm');
      const again = await send(upstream, 'a', { method });
      t.equal(again.status, 200, method);
      t.same(requests, [1, 1, 2]);
      t.match(upstream.counts(), { active: 0, waiting: 0 });
    }
  },
);

t.test('nothing else is ever repeated', async (t) => {
  const cases: [string, (connection: number, count: number) => string | undefined, { method?: string; body?: Readable }][] = [
    ['POST on a stale connection', (_c, n) => (n === 2 ? undefined : OK), { method: 'POST', body: Readable.from([Buffer.from('x')]) }],
    ['POST without content', (_c, n) => (n === 2 ? undefined : OK), { method: 'POST' }],
    ['DELETE', (_c, n) => (n === 2 ? undefined : OK), { method: 'DELETE' }],
    ['one byte of an answer came', (_c, n) => (n === 2 ? 'H' : OK), {}],
    ['a whole head came', (_c, n) => (n === 2 ? 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n' : OK), {}],
  ]; // prettier-ignore
  for (const [what, answer, request] of cases) {
    let requests = 0;
    const upstream = upstreamTo(
      t,
      await scriptedTracker(t, (socket, connection) => {
        let count = 0;
        onRequestHead(socket, () => {
          requests += 1;
          count += 1;
          const text = answer(connection, count);
          if (text === OK) socket.write(OK);
          else if (text === undefined) socket.destroy();
          else socket.write(text, () => setTimeout(() => socket.destroy(), 20));
        });
      }),
    );
    await send(upstream, 'a');
    const got = await send(upstream, 'a', request);
    t.ok(got.error, what);
    t.equal(requests, 2, what);
    t.match(upstream.counts(), { active: 0, waiting: 0 }, 'its place is free again');
  }
});

t.test(
  'a fresh connection that dies without a word is an error at once, and repeated only once',
  async (t) => {
    let requests = 0;
    const upstream = upstreamTo(
      t,
      await scriptedTracker(t, (socket) => {
        onRequestHead(socket, () => {
          requests += 1;
          if (requests === 1) socket.write(OK);
          else socket.destroy();
        });
      }),
    );
    await send(upstream, 'a');
    t.ok((await send(upstream, 'a')).error, 'stale, then fresh and dead');
    t.equal(requests, 3);
    t.ok((await send(upstream, 'a')).error, 'fresh and dead');
    t.equal(requests, 4);
  },
);

t.test('above maxConnections requests wait in order; above the queue they are refused', async (t) => {
  const seen = await tracker(t, {
    answer: (request, response) => setTimeout(() => response.end(request.url), 50),
  });
  const { emit, of } = recorder();
  const upstream = upstreamTo(t, seen, { use: { maxConnections: 2 }, limits: { upstreamQueue: 3 }, emit });
  const order: string[] = [];
  const sent = ['/1', '/2', '/3', '/4', '/5'].map(async (target) => {
    const { body } = await send(upstream, 'a', { target });
    order.push(body);
  });
  t.match(upstream.counts(), { active: 2, waiting: 3 });
  t.throws(
    () =>
      upstream.dispatch({ method: 'GET', target: '/', fields: ['Host', 'a'], body: undefined }, {
        onControl: () => t.fail('it has no place'),
      } as never),
    { code: 'ERR_UPSTREAM_BUSY' },
  );
  await Promise.all(sent);
  t.same(order.toSorted(), ['/1', '/2', '/3', '/4', '/5']);
  t.same(order.slice(-1), ['/5']);
  t.equal(seen.connections(), 2);
  t.match(upstream.counts(), { active: 0, waiting: 0 });
  const waits = of('upstream.waited');
  t.equal(waits.length, 3, 'those that had to wait, and nobody else');
  t.ok(waits.every(({ upstream, waitMs }) => upstream === 'us' && waitMs > 10));
});

t.test('what is given up while it waits is never sent, and frees its place', async (t) => {
  const seen = await tracker(t, {
    answer: (request, response) => setTimeout(() => response.end(request.url), 50),
  });
  const { emit, of } = recorder();
  const upstream = upstreamTo(t, seen, { use: { maxConnections: 1 }, emit });
  const first = send(upstream, 'a', { target: '/1' });
  void send(upstream, 'a', { target: '/2', onControl: (control) => control.abort() });
  t.equal(of('upstream.waited').length, 1, 'one that left has waited too');
  const third = send(upstream, 'a', { target: '/3' });
  t.equal(upstream.counts().waiting, 1);
  t.same([(await first).body, (await third).body], ['/1', '/3']);
  t.same(
    seen.requests.map(({ target }) => target),
    ['/1', '/3'],
  );
});

t.test(
  'what is given up before its connection stands is never sent, and the connection stays good',
  async (t) => {
    const seen = await tracker(t);
    const upstream = upstreamTo(t, seen, { use: { maxConnections: 1 } });
    void send(upstream, 'a', {
      target: '/given-up',
      onControl: (control) => queueMicrotask(() => control.abort()),
    });
    t.equal((await send(upstream, 'a', { target: '/next' })).status, 302);
    t.same(
      seen.requests.map(({ target }) => target),
      ['/next'],
    );
    t.equal(seen.connections(), 1);
  },
);

t.test('an old connection is replaced, also when all of them are old', async (t) => {
  const seen = await tracker(t);
  const upstream = upstreamTo(t, seen, { use: { maxConnections: 2 }, limits: { upstreamConnectionMs: 1 } });
  for (let i = 0; i < 4; i += 1) {
    const got = await Promise.all([send(upstream, 'a'), send(upstream, 'b')]);
    t.same(
      got.map(({ status }) => status),
      [302, 302],
    );
    await pause(5);
  }
  t.ok(seen.connections() > 4);
});

t.test('an address that refuses is told at once; of several, the next is tried', async (t) => {
  const seen = await tracker(t);
  const before = performance.now();
  const refusing = upstreamTo(
    t,
    { ...seen, url: 'https://127.0.0.1:1' },
    { use: { connectTimeoutMs: 60_000 } },
  );
  const refused = await send(refusing, 'a');
  t.equal(refused.error?.code, 'ECONNREFUSED');
  t.ok(performance.now() - before < 40_000);
  // ::1 and 127.0.0.1, of which only the second listens
  const { port } = new URL(seen.url);
  const both = upstreamTo(t, { ...seen, url: `https://localhost:${port}` });
  t.equal((await send(both, 'a')).status, 302);
});

t.test('a connect that gets no answer ends in connectTimeout', async (t) => {
  // listens, and never speaks TLS
  const { createServer } = await import('node:net');
  const server = createServer(() => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const seen = await tracker(t);
  const upstream = upstreamTo(
    t,
    { ...seen, url: `https://127.0.0.1:${port}` },
    { use: { connectTimeoutMs: 200 } },
  );
  const got = await send(upstream, 'a');
  t.equal(got.error?.code, 'ERR_UPSTREAM_UNREACHABLE');
  t.match(upstream.counts(), { active: 0 });
});

t.test('destroy fails what waits and refuses what comes', async (t) => {
  const silent = await scriptedTracker(t, (socket) => socket.resume());
  const upstream = upstreamTo(t, silent, { use: { maxConnections: 1 } });
  const both = [send(upstream, 'a'), send(upstream, 'b')];
  await upstream.destroy();
  for (const got of await Promise.all(both)) t.ok(got.error);
  await t.rejects(send(upstream, 'c'), { code: 'ERR_UPSTREAM_BUSY' });
});

t.test('destroy fails a request that has a kept connection and was not written yet', async (t) => {
  const upstream = upstreamTo(t, await tracker(t));
  t.equal((await send(upstream, 'a')).status, 302);
  let got: Got | undefined;
  // on a kept connection it is written in the next turn of the loop
  void send(upstream, 'b').then((result) => (got = result));
  await upstream.destroy();
  const { error } = await until('it has an end', () => got);
  t.equal(error?.message, 'upstream is closing');
  t.match(upstream.counts(), { active: 0, waiting: 0, open: 0 });
});
