// The built command behind a load balancer: the PROXY protocol, ceilings of the configuration, and a line per click.

import { connect } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { linkgate, writeConfig } from '../helpers/linkgate.ts';
import { gather } from '../helpers/serve.ts';
import { tempDir } from '../helpers/temp-dir.ts';
import { tracker } from '../helpers/tracker.ts';

const SECRET = 'MARKER-OF-A-SECRET';

t.test('the true peer is told to the tracker and, as a network, to the log', async (t) => {
  const folder = tempDir(t);
  const home = await tracker(t);
  const proxy = linkgate(t, [
    'run',
    '--config',
    writeConfig(folder, {
      listen: {
        https: '127.0.0.1:0',
        http: { address: '127.0.0.1:0', proxyProtocol: ['127.0.0.0/8'] },
        admin: '127.0.0.1:0',
      },
      upstream: { url: home.url, serverName: home.serverName, caFile: home.caFile },
      certificates: { storage: { path: join(folder, 'certs') }, issuers: [{ type: 'local' }] },
      limits: { headerSize: '1KiB' },
      log: { clicks: 'all' },
      domains: [{ name: 'links.example.com' }],
      workers: 1,
    }),
  ]);
  const port = await proxy.port('http');
  const ask = (bytes: string): Promise<string> => {
    const socket = connect(port, '127.0.0.1');
    const answer = gather(socket);
    socket.write(`PROXY TCP4 198.51.100.7 192.0.2.1 4711 80\r\n${bytes}`);
    return answer;
  };
  const request = `GET /e/c/${SECRET} HTTP/1.1\r\nHost: links.example.com\r\nConnection: close\r\n`;
  t.match(await ask(`${request}\r\n`), /^HTTP\/1\.1 302 /);
  t.same(home.requests[0]?.field('x-forwarded-for'), ['198.51.100.7']);
  t.match(
    await ask(`${request}X-Long: ${'x'.repeat(1024)}\r\n\r\n`),
    /^HTTP\/1\.1 431 /,
    'limits are taken over',
  );
  t.equal(home.requests.length, 1);

  const line = await proxy.line((entry) => entry.message === 'click');
  t.match(line, {
    domain: 'links.example.com',
    kind: 'click',
    status: 302,
    network: '198.51.100.0/24',
    role: 'worker',
  });
  proxy.process.kill('SIGTERM');
  t.equal(await proxy.ended, 0);
  t.notMatch(proxy.stdout(), SECRET, 'no path in any line');
});
