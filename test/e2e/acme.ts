// The main job, end to end: the built command, a real ACME CA, two customers in two regions, clicks over HTTP/1.1 and
// HTTP/2, and a restart that orders nothing.

import { join } from 'node:path';
import t from 'tap';
import { clickHttp1, clickHttp2 } from '../helpers/click.ts';
import { freePort } from '../helpers/free-port.ts';
import { linkgate, writeConfig, type Running } from '../helpers/linkgate.ts';
import { needs } from '../helpers/needs.ts';
import { pebble } from '../helpers/pebble.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { tracker } from '../helpers/tracker.ts';
import { until } from '../helpers/until.ts';

const US = 'links.example.com';
const EU = 'clicks.example.net';
/** what every part between client and tracker likes to tidy up */
const PATH = '/e/c/eyJlbWFpbF9pZCI6IjEifQ%3D%3D//a/../b/./%2e%2E?q=%20+&x=/../';

const issued = (proxy: Running, domain: string): Promise<unknown> =>
  proxy.line((line) => line.message === 'certificate issued' && line['domain'] === domain);

const stop = async (proxy: Running): Promise<number | string> => {
  proxy.process.kill('SIGTERM');
  return proxy.ended;
};

t.test('two customers, two regions, live by ACME', { skip: needs('pebble') }, async (t) => {
  const folder = tempDir(t);
  const httpPort = await freePort();
  const ca = await pebble(t, { httpPort, nonceReject: 30 });
  const us = await tracker(t, { serverName: 'e.customeriomail.com' });
  const eu = await tracker(t, { serverName: 'e-eu.customeriomail.com' });
  const region = ({ url, serverName, caFile }: typeof us) => ({ url, serverName, caFile });
  const config = writeConfig(folder, {
    listen: { https: '127.0.0.1:0', http: `127.0.0.1:${httpPort}`, admin: '127.0.0.1:0' },
    upstream: { region: 'us', regions: { us: region(us), eu: region(eu) } },
    certificates: {
      storage: { type: 'file', path: join(folder, 'certs') },
      issuers: [{ type: 'acme', directory: ca.directory, email: 'ops@example.com', caFile: ca.caFile }],
    },
    domains: [{ name: US }, { name: EU, region: 'eu' }],
    workers: 2,
  });

  const first = linkgate(t, ['run', '--config', config]);
  await Promise.all([issued(first, US), issued(first, EU)]);
  const root = await ca.roots();

  const check = async (proxy: Running): Promise<void> => {
    const port = await proxy.port('https');
    for (const [domain, home, serverName] of [
      [US, us, 'e.customeriomail.com'],
      [EU, eu, 'e-eu.customeriomail.com'],
    ] as const) {
      const before = home.requests.length;
      // the workers hear of a new certificate by a message: the first handshake may be a moment too early
      const answer = await until('a live handshake', () =>
        clickHttp1({ port, domain, ca: root, path: PATH }),
      );
      t.match(answer, /^HTTP\/1\.1 302 /, `${domain} over HTTP/1.1`);
      t.match(answer, '\r\nLocation: https://www.example.com/landing?utm_source=mail&x=%2F\r\n');
      t.same(
        answer.split('\r\n').filter((line) => line.startsWith('Set-Cookie: ')),
        [
          'Set-Cookie: _cioid=abc; Path=/',
          'Set-Cookie: second=1; Path=/; Expires=Wed, 21 Oct 2037 07:28:00 GMT',
        ],
        'both cookies, unjoined',
      );
      const headers = await clickHttp2(t, { port, domain, ca: root, path: PATH });
      t.equal(headers[':status'], 302, `${domain} over HTTP/2`);
      t.equal(headers.location, 'https://www.example.com/landing?utm_source=mail&x=%2F');
      t.equal(headers['set-cookie']?.length, 2);

      const seen = home.requests.slice(before);
      t.equal(seen.length, 2, 'each click arrived once');
      for (const request of seen) {
        t.equal(request.target, PATH, 'path and query byte for byte');
        t.same(request.field('host'), [domain]);
        t.equal(request.servername, serverName, 'TLS name is the tracker’s');
        t.same(request.field('x-forwarded-for'), ['127.0.0.1']);
        t.same(request.field('x-forwarded-proto'), ['https']);
      }
    }
  };
  await check(first);
  t.equal(ca.orders(), 2, 'one order a name');

  const adminPort = await first.port('admin');
  const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  t.match(metrics, `linkgate_clicks_total{domain="${US}",kind="click",code="3xx"} 2`);
  t.match(metrics, `linkgate_clicks_total{domain="${EU}",kind="click",code="3xx"} 2`);
  t.match(metrics, 'linkgate_certificates{state="live"} 2');
  for (const path of ['/healthz', '/readyz']) {
    t.equal((await fetch(`http://127.0.0.1:${adminPort}${path}`)).status, 200, path);
  }
  t.equal(await stop(first), 0, 'drains and ends with 0');
  t.notMatch(first.stdout(), 'eyJlbWFpbF9pZCI6IjEifQ', 'no click path in any log line');

  const second = linkgate(t, ['run', '--config', config]);
  await check(second);
  t.equal(ca.orders(), 2, 'a restart orders nothing');
  t.equal(ca.accounts(), 1, 'nor makes it an account');
  t.equal(await stop(second), 0);
});
