// The files of app links: 443 only, exact paths, from the settings; everything else goes to the tracker.

import t from 'tap';
import { pause } from '../../helpers/pause.ts';
import { ask, gather, serve } from '../../helpers/serve.ts';
import { redirectAnswer, tracker } from '../../helpers/tracker.ts';

const APPLE = '{"applinks":{"details":[{"appIDs":["A.b"],"components":[{"/":"/e/c/*"}]}]},"x":"é"}';
const ANDROID = '[{"relation":["delegate_permission/common.handle_all_urls"]}]';
const domains = [
  {
    name: 'links.example.com',
    redirectHttp: false,
    universalLinks: {
      apple: { file: '/etc/apple.json', text: APPLE },
      android: { file: '/etc/android.json', text: ANDROID },
    },
  },
  {
    name: 'apple.example.com',
    universalLinks: { apple: { file: '/etc/apple.json', text: APPLE } },
  },
  { name: 'clicks.example.net' },
];
const get = (target: string, host = 'links.example.com', method = 'GET', more = ''): string =>
  `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n${more}\r\n`;
const APPLE_PATHS = ['/.well-known/apple-app-site-association', '/apple-app-site-association'];
const ANDROID_PATH = '/.well-known/assetlinks.json';
const FILES: [string, string][] = [
  ...APPLE_PATHS.map((path): [string, string] => [path, APPLE]),
  [ANDROID_PATH, ANDROID],
];

t.test('each configured file at its paths: 200, JSON, the file byte for byte, no redirect', async (t) => {
  const seen = await tracker(t);
  const worker = await serve(t, { tracker: seen, domains });
  for (const [path, text] of FILES) {
    const bytes = Buffer.from(text);
    for (const target of [path, `${path}?v=1`, `${path}?`]) {
      const answer = await worker.raw(get(target));
      const [head = '', body] = answer.split('\r\n\r\n');
      t.match(head, /^HTTP\/1\.1 200 OK\r\nContent-Type: application\/json\r\n/, target);
      t.match(head, `\r\nContent-Length: ${bytes.length}\r\n`);
      t.equal(body, bytes.toString('latin1'));
      t.notMatch(head, /location|strict-transport/i);
    }
    const head = await worker.raw(get(path, undefined, 'HEAD'));
    t.match(head, new RegExp(`^HTTP/1\\.1 200 [^]*\r\nContent-Length: ${bytes.length}\r\n[^]*\r\n\r\n$`));
    t.match(await ask(await worker.h2(), { ':path': path }), {
      status: 200,
      headers: { 'content-type': 'application/json', 'content-length': String(bytes.length) },
      body: bytes,
      code: 0,
    });
  }
  t.same(seen.requests, [], 'the tracker is not asked');
  t.match(await worker.next('request.completed'), {
    status: 200,
    domain: 'links.example.com',
    complete: true,
  });
});

t.test('no file for it, another path, another method, or port 80: forwarded', async (t) => {
  const seen = await tracker(t, { answer: redirectAnswer });
  const worker = await serve(t, { tracker: seen, domains });
  const forwarded: [string, boolean][] = [
    [get(ANDROID_PATH, 'apple.example.com'), false],
    ...FILES.map(([path]): [string, boolean] => [get(path, 'clicks.example.net'), false]),
    ...FILES.map(([path]): [string, boolean] => [get(path), true]),
    ...[
      `${ANDROID_PATH}/`,
      '/.well-known/assetlinks.json.bak',
      '/.well-known/ASSETLINKS.json',
      '/.well-known//assetlinks.json',
      '/%2ewell-known/assetlinks.json',
      '/x/../apple-app-site-association',
      '/apple-app-site-association%3Fx',
      '/apple-app-site-association#x',
      '/e/c/apple-app-site-association',
      '/assetlinks.json',
    ].map((path): [string, boolean] => [get(path), false]),
    [get(ANDROID_PATH, undefined, 'OPTIONS'), false],
    [get(ANDROID_PATH, undefined, 'POST', 'Content-Length: 0\r\n'), false],
  ];
  for (const [bytes, plain] of forwarded) {
    const servername = /Host: (.*)\r/.exec(bytes)?.[1] ?? '';
    t.match(
      await worker.raw(bytes, { plain, servername }),
      /^HTTP\/1\.1 302 /,
      bytes.slice(0, bytes.indexOf('\r')),
    );
  }
  t.equal(seen.requests.length, forwarded.length);
});

t.test('a connection that stays open after a file carries the next click', async (t) => {
  const seen = await tracker(t, { answer: redirectAnswer });
  const worker = await serve(t, { tracker: seen, domains });
  const socket = await worker.tls('links.example.com');
  const answer = gather(socket);
  socket.write(`GET ${ANDROID_PATH} HTTP/1.1\r\nHost: links.example.com\r\n\r\n`);
  await worker.next('request.completed');
  // a client that was promised a kept connection, and takes its time
  await pause(50);
  socket.write(get('/e/c/x'));
  t.match(await answer, /^HTTP\/1\.1 200 [^]*HTTP\/1\.1 302 /);
  t.equal(seen.requests[0]?.target, '/e/c/x');
});
