// The rules of serve/http/http1.ts against http-proxy 1.18.1: what a widely used forwarder lets through. It is here to show that
// these tests can fail, and why the forwarder is ours.

import { Agent, createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import httpProxy from 'http-proxy';
import t, { type Test } from 'tap';
import { INNER, RULES } from '../helpers/rules.ts';
import { gather } from '../helpers/serve.ts';
import { pause } from '../helpers/pause.ts';

const listen = async (t: Test, server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

t.test('http-proxy hands the request inside a chunked DELETE or OPTIONS to the tracker', async (t) => {
  const seen: string[] = [];
  const upstream = await listen(
    t,
    createServer((request, response) => {
      seen.push(request.url ?? '');
      request.resume();
      response.end();
    }),
  );
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${upstream}`, agent });
  proxy.on('error', (_error, _request, response) => {
    if ('writeHead' in response) response.writeHead(502).end();
    else response.destroy();
  });
  const front = createServer((request, response) => proxy.web(request, response));
  const port = await listen(t, front);
  const smuggled: string[] = [];
  const passed: string[] = [];
  for (const { id, what, bytes } of RULES) {
    if (id === 'connect' || id === 'body' || !bytes.endsWith(INNER)) continue;
    seen.length = 0;
    const socket = connect(port, '127.0.0.1');
    const answer = gather(socket);
    // without the request behind: what the tracker sees of it was inside the content
    socket.write(Buffer.from(bytes.slice(0, -INNER.length), 'latin1'));
    // the time a second request would need to arrive: nothing tells that none comes
    await pause(40);
    socket.destroy();
    await answer;
    if (seen.includes('/smuggled')) smuggled.push(what);
    if (seen.length > 0) passed.push(what);
  }
  t.comment(
    `of ${RULES.length} rules http-proxy lets ${passed.length} pass, ${smuggled.length} with a second request`,
  );
  for (const what of ['chunked content on DELETE', 'chunked content on OPTIONS'])
    t.ok(smuggled.includes(what), what);
  t.ok(passed.includes('two Hosts, different'));
});
