// Ports for programs that cannot be told to choose one: free a moment ago, for TCP and UDP.

import { createSocket } from 'node:dgram';
import { createServer, type AddressInfo } from 'node:net';

/** A port of 127.0.0.1 that nobody listened on a moment ago. */
export const freePort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const socket = createSocket('udp4');
  const isFree = await new Promise<boolean>((resolve) => {
    socket.once('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => resolve(true));
  });
  socket.close();
  await new Promise((resolve) => server.close(resolve));
  return isFree ? port : freePort();
};
