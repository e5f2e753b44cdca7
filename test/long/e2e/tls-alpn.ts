// A certificate by tls-alpn-01 alone, as where port 80 is closed: the CA asks the https port of the built command.

import { join } from 'node:path';
import t from 'tap';
import { clickHttp1, clickHttp2 } from '../../helpers/click.ts';
import { freePort } from '../../helpers/free-port.ts';
import { linkgate, writeConfig } from '../../helpers/linkgate.ts';
import { needs } from '../../helpers/needs.ts';
import { pebble } from '../../helpers/pebble.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

t.test('live by tls-alpn-01, clicks on the same port', { skip: needs('pebble') }, async (t) => {
  const folder = tempDir(t);
  const port = await freePort();
  const ca = await pebble(t, { httpPort: await freePort(), tlsPort: port });
  const home = await tracker(t);
  const domain = 'links.example.com';
  const proxy = linkgate(t, [
    'run',
    '--config',
    writeConfig(folder, {
      listen: { https: `127.0.0.1:${port}`, http: '127.0.0.1:0', admin: '127.0.0.1:0' },
      upstream: { url: home.url, serverName: home.serverName, caFile: home.caFile },
      certificates: {
        storage: { path: join(folder, 'certs') },
        issuers: [{ type: 'acme', directory: ca.directory, caFile: ca.caFile, challenges: ['tls-alpn-01'] }],
      },
      domains: [{ name: domain }],
      workers: 1,
    }),
  ]);
  await proxy.line((line) => line.message === 'certificate issued');
  const target = { port, domain, ca: await ca.roots(), path: '/e/c/x/y' };
  t.match(await until('a live handshake', () => clickHttp1(target)), /^HTTP\/1\.1 302 /);
  t.equal((await clickHttp2(t, target))[':status'], 302);
  proxy.process.kill('SIGTERM');
  t.equal(await proxy.ended, 0);
});
