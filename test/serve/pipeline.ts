import t from 'tap';
import { serve } from '../helpers/serve.ts';
import { redirectAnswer, tracker } from '../helpers/tracker.ts';
import { until } from '../helpers/until.ts';

const GET = 'GET /e/c/x/y HTTP/1.1\r\nHost: links.example.com\r\n\r\n';
const LARGE = `GET /e/c/x/y HTTP/1.1\r\nHost: links.example.com\r\nX-Large: ${'x'.repeat(3_000)}\r\nConnection: close\r\n\r\n`;

/** A connection that stays open and is asked more than once. */
const kept = (socket: NodeJS.ReadWriteStream) => {
  let text = '';
  let closed = false;
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  socket.on('close', () => (closed = true));
  return {
    ask: async (request: string): Promise<string> => {
      text = '';
      socket.write(request);
      await until('it is answered', () => /\r\n\r\n/.test(text));
      return text;
    },
    isClosed: () => closed,
  };
};

t.test(
  'new ceilings hold new connections; the open ones keep theirs, and are asked again over either',
  async (t) => {
    const worker = await serve(t, { tracker: await tracker(t) });
    const before = kept(await worker.tls('links.example.com'));
    const session = await worker.h2();
    t.match(await before.ask(GET), /^HTTP\/1\.1 302 /);

    worker.listeners.apply({ ...worker.settings, limits: { headerBytes: 2_048 } });

    t.match(
      await worker.raw(LARGE),
      /^HTTP\/1\.1 431 /,
      'a new connection is held to what the configuration says now',
    );
    t.match(await before.ask(LARGE.replace('Connection: close\r\n', '')), /^HTTP\/1\.1 302 /);
    t.notOk(before.isClosed());
    t.notOk(session.closed || session.destroyed);
  },
);

t.test('a tracker that moved: requests under way finish where they are, later ones go there', async (t) => {
  const held: (() => void)[] = [];
  const from = await tracker(t, {
    answer: (...args) => void held.push(() => redirectAnswer(...args)),
  });
  const to = await tracker(t);
  const worker = await serve(t, { tracker: from });
  const under = worker.raw(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
  await until('the click is at the tracker', () => held.length > 0);

  const upstreams = [{ id: 'us', origin: to.url, serverName: to.serverName, caPem: to.caPem }] as const;
  const open = kept(await worker.tls('links.example.com'));
  worker.listeners.apply({ ...worker.settings, upstreams });
  t.match(await open.ask(GET), /^HTTP\/1\.1 302 /, 'a connection from before');
  t.match(await worker.raw(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')), /^HTTP\/1\.1 302 /);
  t.equal(to.requests.length, 2);
  t.equal(from.requests.length, 1);
  for (const answer of held) answer();
  t.match(await under, /^HTTP\/1\.1 302 /);
});

t.test('proxies in front that are new are believed, and their header is asked for', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen });
  worker.listeners.apply({ ...worker.settings, proxyProtocol: { http: ['127.0.0.1'] } });
  const close = GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n');
  t.equal(await worker.raw(close, { plain: true }), '');
  t.match(
    await worker.raw(`PROXY TCP4 203.0.113.7 127.0.0.1 4000 80\r\n${close}`, { plain: true }),
    /^HTTP\/1\.1 302 /,
  );
  t.same(seen.requests[0]?.field('x-forwarded-for'), ['203.0.113.7']);
});

t.test('a drain covers connections of before a reload', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  const idle = kept(await worker.tls('links.example.com'));
  await idle.ask(GET);
  const session = await worker.h2();
  worker.listeners.apply({ ...worker.settings, limits: { headerBytes: 2_048 } });
  t.equal(await worker.listeners.drain({ timeoutMs: 5_000, graceMs: 1_000 }), 0, 'nothing had to be cut');
  await until('both are told', () => idle.isClosed() && session.closed);
});

t.test('settings that cannot be taken up change nothing', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  const [upstream] = worker.settings.upstreams;
  if (upstream === undefined) throw new Error('no upstream');
  const upstreams = [{ ...upstream, origin: 'nowhere' }];
  t.throws(() => worker.listeners.apply({ ...worker.settings, upstreams }), {
    code: 'ERR_INVALID_URL',
  });
  t.match(await worker.raw(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')), /^HTTP\/1\.1 302 /);
});
