// Port 80: challenges first, the redirect only where it is asked for and safe, all else forwarded.

import { connect } from 'node:net';
import t from 'tap';
import { createLocalResponses } from '../../../src/serve/request/local-response.ts';
import { serve } from '../../helpers/serve.ts';
import { tracker } from '../../helpers/tracker.ts';
import { pause } from '../../helpers/pause.ts';
import { until } from '../../helpers/until.ts';

const get = (path: string, host = 'links.example.com', method = 'GET'): string =>
  `${method} ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
const CHALLENGE = '/.well-known/acme-challenge/';
const plain = { plain: true };

t.test('an open challenge is answered, GET and HEAD, before redirect and forwarding', async (t) => {
  const seen = await tracker(t);
  const asked: string[] = [];
  const worker = await serve(t, {
    tracker: seen,
    domains: [{ name: 'links.example.com', redirectHttp: true }, { name: 'clicks.example.net' }],
    answerChallenge: (host, token) => {
      asked.push(`${host} ${token}`);
      return Promise.resolve(token === 'abc' ? 'abc.thumbprint' : undefined);
    },
  });
  const answer = await worker.raw(get(`${CHALLENGE}abc`, 'Links.Example.com:80'), plain);
  t.match(
    answer,
    /^HTTP\/1\.1 200 OK\r\nContent-Type: application\/octet-stream\r\n[^]*\r\n\r\nabc\.thumbprint$/,
  );
  t.match(
    await worker.raw(get(`${CHALLENGE}abc`, undefined, 'HEAD'), plain),
    /\r\nContent-Length: 14\r\n[^]*\r\n\r\n$/,
  );
  t.same(asked, ['links.example.com abc', 'links.example.com abc']);
  t.same(seen.requests, []);
  t.match(await worker.next('request.completed'), {
    domain: 'links.example.com',
    status: 200,
    complete: true,
    bytes: 0,
  });

  t.match(
    await worker.raw(get(`${CHALLENGE}other`), plain),
    /^HTTP\/1\.1 302 /,
    'not open: forwarded, never redirected',
  );
  t.equal(seen.requests[0]?.target, `${CHALLENGE}other`);
  t.match(await worker.raw(get(`${CHALLENGE}abc`, 'evil.example.org'), plain), /^HTTP\/1\.1 421 /);
  t.match(
    await worker.raw(get(`${CHALLENGE}abc`)),
    /^HTTP\/1\.1 302 /,
    'on https it is a path like any other',
  );
});

t.test('challenges that fail or hang for a client that left are no crash', async (t) => {
  const worker = await serve(t, {
    tracker: await tracker(t),
    answerChallenge: (_host, token) =>
      token === 'slow' ? pause(100).then(() => 'late') : Promise.reject(new Error('storage')),
  });
  t.match(await worker.raw(get(`${CHALLENGE}x`), plain), /^HTTP\/1\.1 500 /);
  const socket = connect(worker.httpPort, '127.0.0.1', () => {
    socket.write(get(`${CHALLENGE}slow`));
    setTimeout(() => socket.destroy(), 20);
  });
  await pause(200);
  t.match(await worker.raw(get('/'), plain), /^HTTP\/1\.1 302 /);
});

t.test('a client has its share of the places of lookups; others, and proxies, go on', async (t) => {
  const answers: (() => void)[] = [];
  const asked: string[] = [];
  const answer = createLocalResponses({
    answerChallenge: (_host, token) => {
      asked.push(token);
      return new Promise((resolve, reject) => {
        answers.push(() =>
          token.endsWith('3') ? reject(new Error('storage')) : resolve(`${token}.thumbprint`),
        );
      });
    },
    isLive: () => Promise.resolve(true),
    isTrusted: (address) => address === '10.0.0.1',
  });
  const domain = { name: 'links.example.com', redirectHttp: false };
  const ask = (token: string, peerAddress: string) =>
    answer(
      { method: 'GET', connection: { peerAddress } } as never,
      { domain, target: `${CHALLENGE}${token}` } as never,
    );
  /** many at once from one place; how many of them were looked up */
  const flood = async (count: number, addressOf: (i: number) => string): Promise<number> => {
    const before = asked.length;
    const from = `${addressOf(0)}-`;
    const all = Array.from({ length: count }, (_, i) => ask(`${from}${i}`, addressOf(i)));
    for (const one of all) Promise.resolve(one).catch(() => undefined);
    await pause(1);
    return asked.length - before;
  };
  t.equal(await flood(500, () => '203.0.113.9'), 64);
  t.match(await ask('again', '203.0.113.9'), {
    status: 503,
    fields: ['Retry-After', '1', 'Cache-Control', 'no-store'],
  });
  t.equal(await flood(500, (i) => `2001:db8:1:2::${i.toString(16)}`), 64, 'a /64 is one client');
  t.equal(await flood(500, () => '10.0.0.1'), 500, 'a proxy is many');
  const good = ask('good', '198.51.100.7');
  await pause(1);
  t.equal(await flood(1_000, (i) => `192.0.2.${i % 250}`), 1_024 - 629, 'together they have a ceiling');
  t.match(await ask('more', '198.51.100.8'), { status: 503 });
  for (const release of answers) release();
  t.match(await good, { status: 200, body: 'good.thumbprint' });
  await pause(1);
  t.equal(await flood(500, () => '203.0.113.9'), 64, 'the places are free again, after failures too');
  for (const release of answers) release();
});

t.test('a flood of challenges delays no other path, and not the CA', async (t) => {
  const waiting: (() => void)[] = [];
  const worker = await serve(t, {
    tracker: await tracker(t),
    answerChallenge: (_host, token) =>
      token === 'open'
        ? Promise.resolve('open.thumbprint')
        : new Promise((resolve) => waiting.push(() => resolve(undefined))),
  });
  const flood = Array.from({ length: 63 }, (_, i) => worker.raw(get(`${CHALLENGE}${i}`), plain));
  await until('all are asked for', () => waiting.length === 63);
  t.match(await worker.raw(get('/e/c/x'), plain), /^HTTP\/1\.1 302 /);
  t.match(await worker.raw(get(`${CHALLENGE}open`), plain), /open\.thumbprint$/);
  for (const release of waiting) release();
  for (const answer of await Promise.all(flood)) t.match(answer, /^HTTP\/1\.1 302 /);
});

t.test(
  'many requests for the same challenge are one lookup; one that hangs is a 503 at its time limit',
  async (t) => {
    let asked = 0;
    let release: (value: string | undefined) => void = () => undefined;
    const options = {
      answerChallenge: () => {
        asked += 1;
        return new Promise<string | undefined>((resolve) => {
          release = resolve;
        });
      },
      isLive: () => Promise.resolve(true),
      isTrusted: () => false,
    };
    const long = createLocalResponses(options);
    const short = createLocalResponses({ ...options, lookupMs: 50 });
    const domain = { name: 'links.example.com', redirectHttp: false };
    const get = (token: string, answer = short): ReturnType<typeof short> =>
      answer(
        { method: 'GET', connection: { peerAddress: '203.0.113.9' } } as never,
        { domain, target: `${CHALLENGE}${token}` } as never,
      );
    const many = Array.from({ length: 500 }, () => get('one', long));
    await pause(1);
    t.equal(asked, 1);
    release('one.thumbprint');
    for (const one of await Promise.all(many)) t.match(one, { status: 200, body: 'one.thumbprint' });
    t.match(await Promise.all([get('two'), get('two')]), [{ status: 503 }, { status: 503 }], 'it hangs');
    t.match(await get('two'), { status: 503 });
    t.equal(asked, 2, 'and does not run twice at the same time');
    release(undefined);
    await pause(1);
    const again = get('two');
    await pause(1);
    t.equal(asked, 3);
    release(undefined);
    t.equal(await again, undefined, 'not open: forwarded');
  },
);

t.test('redirectHttp: 308 with the same target, only with a live certificate', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, {
    tracker: seen,
    domains: [
      { name: 'links.example.com', redirectHttp: true },
      { name: 'new.example.com', redirectHttp: true },
      { name: 'clicks.example.net' },
    ],
    uncertified: ['new.example.com'],
  });
  const answer = await worker.raw(get('/e/c/a%3D//b/../c?x=1'), plain);
  t.match(
    answer,
    /^HTTP\/1\.1 308 Permanent Redirect\r\nLocation: https:\/\/links\.example\.com\/e\/c\/a%3D\/\/b\/\.\.\/c\?x=1\r\n/,
  );
  t.match(await worker.raw(get('/unsubscribe/x', undefined, 'POST'), plain), /^HTTP\/1\.1 308 /);
  t.same(seen.requests, []);
  t.match(await worker.raw(get('/', 'new.example.com'), plain), /^HTTP\/1\.1 302 /, 'no certificate yet');
  t.match(await worker.raw(get('/', 'clicks.example.net'), plain), /^HTTP\/1\.1 302 /, 'not asked for');
  t.match(await worker.raw(get('/')), /^HTTP\/1\.1 302 /, 'https itself');
});
