import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import t from 'tap';
import { connectionFacts, setPeerAddress } from '../../../src/serve/connections/connection-facts.ts';
import { serve } from '../../helpers/serve.ts';
import { tracker } from '../../helpers/tracker.ts';

t.test(
  'a plain connection has an address and no TLS; the address of a PROXY header comes first',
  async (t) => {
    const socket = await new Promise<Socket>((resolve) => {
      const server = createServer(resolve);
      server.listen(0, '127.0.0.1', () => connect((server.address() as AddressInfo).port, '127.0.0.1'));
      t.teardown(() => server.close());
    });
    t.teardown(() => socket.destroy());
    t.same(connectionFacts('http', socket), {
      listener: 'http',
      peerAddress: '127.0.0.1',
      peerNetwork: '127.0.0.0/24',
      servername: undefined,
      tls: undefined,
      pinnedName: undefined,
    });
    setPeerAddress(socket, '203.0.113.9');
    t.equal(connectionFacts('http', socket).peerAddress, '203.0.113.9');
  },
);

t.test('the facts of TLS are there for each request', async (t) => {
  const worker = await serve(t, { tracker: await tracker(t) });
  const socket = await worker.tls('links.example.com', { maxVersion: 'TLSv1.2' });
  socket.write('GET / HTTP/1.1\r\nHost: links.example.com\r\n\r\n');
  t.match(await worker.next('request.completed'), { tls: { version: 'TLSv1.2', resumed: false } });
});
