import { createServer, type AddressInfo, type Server } from 'node:net';
import t, { type Test } from 'tap';
import { answers, reach } from '../../../src/app/systemd/probe.ts';
import { holdSocket } from '../../../src/app/supervisor/held-socket.ts';

const listening = async (t: Test, server: Server): Promise<{ host: string; port: number }> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return { host: '0.0.0.0', port: (server.address() as AddressInfo).port };
};

t.test('a worker that answers is alive, and so is one that refuses', async (t) => {
  let asked = '';
  const good = createServer((socket) => {
    socket.on('data', (chunk) => {
      asked += chunk.toString();
      socket.end('HTTP/1.1 501 Not Implemented\r\n\r\n');
    });
  });
  t.equal(await answers(await listening(t, good), AbortSignal.timeout(5_000)), true);
  t.match(asked, /^OPTIONS \* HTTP\/1\.1\r\nHost: probe\.invalid\r\n/);
  const full = createServer((socket) => socket.destroy());
  t.equal(await answers(await listening(t, full), AbortSignal.timeout(5_000)), true);
  const rude = createServer((socket) => socket.resetAndDestroy());
  t.equal(await answers(await listening(t, rude), AbortSignal.timeout(5_000)), true);
});

t.test('no worker is alive behind a port that only queues, or is closed', async (t) => {
  const held = holdSocket('http', { host: '127.0.0.1', port: 0 });
  t.teardown(() => held.close());
  const silent = createServer({ pauseOnConnect: true }, () => undefined);
  const address = await listening(t, silent);
  t.equal(await answers(address, AbortSignal.timeout(100)), false, 'nothing comes');
  t.equal(await answers(held.address, AbortSignal.timeout(100)), false, 'refused');
  t.equal(await answers(address, AbortSignal.abort()), false);
});

t.test('every address means loopback', async (t) => {
  for (const host of ['127.0.0.1', '::1']) {
    const server = createServer((socket) => socket.end('x'));
    await new Promise<void>((resolve) => server.listen(0, host, resolve));
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    for (const every of ['0.0.0.0', '::'])
      t.equal(await answers({ host: every, port }, AbortSignal.timeout(10_000)), true, `${every}: ${host}`);
  }
  t.strictSame(reach({ host: '192.0.2.1', port: 80 }), { host: '192.0.2.1', port: 80 });
});
