// How a TLS connection ended: close_notify, FIN alone, RST. Real sockets, both versions of TLS, read at once or paused.

import type { AddressInfo, OnReadOpts, Socket } from 'node:net';
import { connect, createServer, type ConnectionOptions, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { SocketReads, type SocketEnd } from '../../../src/serve/upstream/socket-reads.ts';
import { sharedPki } from '../../helpers/pki.ts';

interface Seen {
  readonly bytes: number;
  readonly end: SocketEnd | string;
}
interface Case {
  readonly ending: 'close_notify' | 'FIN' | 'RST';
  readonly size: number;
  readonly pauses: boolean;
}

/** Writes that many bytes to each connection, in its turn, and ends it. */
const endingServer = async (t: Test, maxVersion: 'TLSv1.2' | 'TLSv1.3') => {
  const leaf = sharedPki('tracker').leaf(['e.customeriomail.com']);
  const below = new Map<number | undefined, Socket>();
  const open = new Set<TLSSocket>();
  const next: Case[] = [];
  const server = createServer(
    { key: leaf.keyPem, cert: leaf.chainPem, maxVersion, allowHalfOpen: true },
    (socket) => {
      open.add(socket.on('error', () => undefined));
      const tcp = below.get(socket.remotePort);
      const { ending, size } = next.shift() as Case;
      const bytes = Buffer.alloc(size, 'x');
      // Node sends no close_notify for an end in the turn of the handshake
      socket.once('data', () => {
        if (ending === 'close_notify') socket.end(bytes);
        else socket.write(bytes, () => (ending === 'FIN' ? tcp?.destroy() : tcp?.resetAndDestroy()));
      });
    },
  );
  server.on('connection', (socket: Socket) => below.set(socket.remotePort, socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, next };
};

const read = (port: number, { pauses }: Case): Promise<Seen> =>
  new Promise((resolve) => {
    const reads = new SocketReads();
    const to: ConnectionOptions & { readonly onread: OnReadOpts } = {
      host: '127.0.0.1',
      port,
      servername: 'e.customeriomail.com',
      ca: sharedPki('tracker').rootPem,
      onread: reads.onread,
    };
    const socket = connect(to);
    let bytes = 0;
    let isFirst = true;
    const over = (end: string): void => {
      resolve({ bytes, end });
      socket.destroy();
    };
    reads.attach(socket);
    reads.listen({
      onBytes: (piece) => {
        bytes += piece.length;
        if (!pauses || !isFirst) return true;
        isFirst = false;
        setTimeout(() => socket.resume(), 20);
        return false;
      },
      onEnd: over,
      onWriteError: (error) => over(error.message),
    });
    socket.once('secureConnect', () => socket.write('x'));
    socket.on('error', (error: NodeJS.ErrnoException) => over(error.code ?? ''));
  });

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  t.test(`${version}: only close_notify is a clean end`, async (t) => {
    const { port, next } = await endingServer(t, version);
    for (const ending of ['close_notify', 'FIN', 'RST'] as const)
      for (const size of [10, 40_000, 200_000])
        for (const pauses of [false, true])
          for (let time = 0; time < 3; time += 1) {
            const one: Case = { ending, size, pauses };
            next.push(one);
            const { bytes, end } = await read(port, one);
            const what = JSON.stringify(one);
            if (ending === 'RST') t.ok(end === 'cut' || end === 'ECONNRESET', `${what}: ${end}`);
            else t.strictSame({ bytes, end }, { bytes: size, end: ending === 'FIN' ? 'cut' : 'alert' }, what);
          }
  });
}
