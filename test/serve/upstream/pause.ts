// The pause of one connection, on real sockets: what comes during it is neither lost nor told too early.

import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { pauseReads, type ReadPause } from '../../../src/serve/upstream/pause.ts';
import { pause as wait } from '../../helpers/pause.ts';
import { scriptedTracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

interface Reading {
  readonly socket: TLSSocket;
  readonly pause: ReadPause;
  /** what was heard so far; data as its number of bytes */
  readonly heard: (string | number)[];
}

/** Reads as undici does. The other side sends 3,000 bytes when it is asked, and ends as `end` says. */
const readingFrom = async (
  t: Test,
  end: (socket: TLSSocket, reset: () => void) => void,
): Promise<Reading> => {
  const seen = await scriptedTracker(t, (peer, _connection, reset) => {
    peer.on('data', () => peer.write(Buffer.alloc(3_000), () => end(peer, reset)));
  });
  const { port, hostname } = new URL(seen.url);
  const ca = readFileSync(seen.caFile);
  const socket = connect({ host: hostname, port: Number(port), servername: seen.serverName, ca });
  t.teardown(() => socket.destroy());
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  const pause = pauseReads(socket);
  const heard: Reading['heard'] = [];
  socket.on('readable', () => {
    for (let chunk: unknown = socket.read(); chunk !== null; chunk = socket.read())
      heard.push((chunk as Buffer).length);
  });
  socket.on('end', () => heard.push('end'));
  socket.on('close', () => heard.push('close'));
  socket.on('error', (error: NodeJS.ErrnoException) => heard.push(String(error.code)));
  return { socket, pause, heard };
};
/** It has all bytes, and the system had the time to tell of the end too. */
const pausedUntilEnd = async ({ socket, pause }: Reading): Promise<void> => {
  pause.begin();
  socket.write('go');
  await until('all of it is there', () => socket.readableLength === 3_000);
  await wait(200);
};

t.test('the end, or the loss, of the connection comes behind the bytes that came before it', async (t) => {
  for (const [what, end, wanted] of [
    ['FIN', (peer) => peer.end(), [3_000, 'end', 'close']],
    ['RST', (_peer, reset) => reset(), [3_000, 'UND_ERR_SOCKET', 'close']],
  ] as [string, Parameters<typeof readingFrom>[1], Reading['heard']][]) {
    const reading = await readingFrom(t, end);
    await pausedUntilEnd(reading);
    t.same(reading.heard, [], `${what}: nothing during the pause`);
    t.notOk(reading.socket.destroyed, `${what}: it stays`);
    reading.pause.resume();
    await until(`${what}: it is closed`, () => reading.heard.includes('close'));
    t.same(reading.heard, wanted, what);
  }
});

t.test('a connection that is destroyed during the pause is destroyed at once', async (t) => {
  for (const [what, end] of [
    ['FIN', (peer) => peer.end()],
    ['RST', (_peer, reset) => reset()],
    ['neither', () => undefined],
  ] as [string, Parameters<typeof readingFrom>[1]][]) {
    const reading = await readingFrom(t, end);
    await pausedUntilEnd(reading);
    reading.socket.destroy(Object.assign(new Error('given up'), { code: 'ERR_GIVEN_UP' }));
    await until(`${what}: it is closed`, () => reading.heard.includes('close'));
    t.same(reading.heard, ['ERR_GIVEN_UP', 'close'], what);
  }
});

t.test('without a pause nothing is held', async (t) => {
  const reading = await readingFrom(t, (_peer, reset) => reset());
  reading.socket.write('go');
  await until('it is closed', () => reading.heard.includes('close'));
  t.same(reading.heard.slice(-2), ['UND_ERR_SOCKET', 'close']);
});
