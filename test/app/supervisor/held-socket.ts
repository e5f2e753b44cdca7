import { createServer, type AddressInfo } from 'node:net';
import t from 'tap';
import { holdSocket } from '../../../src/app/supervisor/held-socket.ts';

t.test('binds at once and knows the port that the system chose', async (t) => {
  const held = holdSocket('https', { host: '127.0.0.1', port: 0 });
  t.teardown(() => held.close());
  t.match(held.address, { host: '127.0.0.1' });
  t.ok(held.address.port > 0);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(held.handle, resolve));
  t.equal((server.address() as AddressInfo).port, held.address.port, 'a server listens on the handle');
  await new Promise((resolve) => server.close(resolve));
});

t.test('all addresses', async (t) => {
  const held = holdSocket('http', { host: '::', port: 0 });
  t.teardown(() => held.close());
  t.match(held.address.host, /^(::|0\.0\.0\.0)$/);
});

t.test('a port in use, an address of another machine', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  const { port } = other.address() as AddressInfo;
  t.throws(() => holdSocket('https', { host: '127.0.0.1', port }), {
    code: 'ERR_LISTEN_IN_USE',
    message: `https 127.0.0.1:${port} is in use by another program (EADDRINUSE)`,
    details: { listener: 'https', port, errno: 'EADDRINUSE' },
  });
  // RFC 5737: no machine has it
  t.throws(() => holdSocket('http', { host: '192.0.2.1', port: 0 }), { code: 'ERR_LISTEN_UNAVAILABLE' });
});
