import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { askStatus, trafficOf } from '../../../src/app/admin/ask-status.ts';
import { freePort } from '../../helpers/free-port.ts';

const listening = async (t: Test, answer: RequestListener): Promise<{ host: string; port: number }> => {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.closeAllConnections());
  t.teardown(() => server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
};

const unreachable = (message: RegExp) => ({ code: 'ERR_ADMIN_UNREACHABLE', message });
const { signal } = new AbortController();

t.test('counts per name and kind, without names that have no row of their own', async (t) => {
  const traffic = trafficOf(
    [
      '# TYPE linkgate_clicks_total counter',
      'linkgate_clicks_total{domain="a.example",kind="click",code="3xx"} 7',
      'linkgate_clicks_total{domain="a.example",kind="click",code="5xx"} 2',
      'linkgate_clicks_total{domain="a.example",kind="open",code="2xx"} 4',
      'linkgate_clicks_total{domain="_other",kind="open",code="2xx"} 9',
      'linkgate_workers 2',
    ].join('\n'),
  );
  t.strictSame([...traffic], [['a.example', { kinds: { click: 9, open: 4 }, errors: 2 }]]);
});

t.test('a proxy that listens everywhere is asked on loopback', async (t) => {
  const { port } = await listening(t, (request, response) => {
    t.equal(request.headers.host, 'localhost');
    response.end(request.url === '/metrics' ? '' : '{"workers":[],"domains":[]}');
  });
  t.match(await askStatus({ host: '0.0.0.0', port }, signal), { workers: [], domains: [] });
});

t.test('no program, another program, a response that breaks off', async (t) => {
  const none = { host: '127.0.0.1', port: await freePort() };
  await t.rejects(askStatus(none, signal), unreachable(/does not answer: ECONNREFUSED$/));
  const page = await listening(t, (_request, response) => response.end('<html>'));
  await t.rejects(askStatus(page, signal), unreachable(/sent no status/));
  const absent = await listening(t, (_request, response) => response.writeHead(404).end());
  await t.rejects(askStatus(absent, signal), unreachable(/answered \/\S+ with 404/));
  const broken = await listening(t, (_request, response) => {
    response.writeHead(200, { 'Content-Length': 100 });
    response.write('x', () => response.destroy());
  });
  await t.rejects(askStatus(broken, signal), unreachable(/broke off its response|does not answer/));
  const silent = await listening(t, () => undefined);
  const stop = new AbortController();
  const asked = askStatus(silent, stop.signal);
  stop.abort();
  await t.rejects(asked, unreachable(/does not answer/));
});
