// What idle connections hold in memory: opened, one click each, and left alone.

import type { TLSSocket } from 'node:tls';
import { startTarget, untilAtRest, type BenchContext } from './bench-context.ts';
import { domainName } from './names.ts';
import { createConnect } from './load/connection.ts';
import { createHttp2Clicker } from './load/http2-clicks.ts';
import { createKeptClicker, type Clicker } from './load/http1-clicks.ts';
import { locked } from './lock.ts';
import { pssOf } from './process-tree.ts';
import type { IdleRow } from './results.ts';

/** half of what the reports speak of: both ends of each would else not fit into 20,000 descriptors */
const CONNECTIONS = 5_000;
const AT_ONCE = 32;

/** Clicks on all connections; how many answers were right. */
const clickAll = async (clickers: readonly Clicker[]): Promise<number> => {
  const queue = clickers.values();
  let right = 0;
  const work = async (): Promise<void> => {
    for (const click of queue) if ((await click()) === undefined) right += 1;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return right;
};

const measureOne = async (
  context: BenchContext,
  target: BenchContext['targets'][number],
  protocol: 'h1' | 'h2',
): Promise<IdleRow> => {
  const { running } = await startTarget(context, target);
  const sockets: TLSSocket[] = [];
  const connect = createConnect(context.authority.intermediatePem);
  try {
    const create = protocol === 'h1' ? createKeptClicker : createHttp2Clicker;
    const options = {
      connect: (one: Parameters<typeof connect>[0]) => {
        const socket = connect(one);
        sockets.push(socket.setTimeout(0));
        return socket;
      },
      port: running.port,
      nextName: () => domainName(0),
    };
    // what a first few connections make once is no part of what each costs
    await clickAll(
      Array.from({ length: 200 }, (_, index) => create({ ...options, thread: 100_000 + index })),
    );
    await untilAtRest(running);
    const restPssBytes = pssOf(running.pid);
    const clickers = Array.from({ length: CONNECTIONS }, (_, index) => create({ ...options, thread: index }));
    const connections = await clickAll(clickers);
    await untilAtRest(running);
    const heldPssBytes = pssOf(running.pid);
    const opened = sockets.length;
    const right = await clickAll(clickers);
    // a click that needed a new connection is no proof that the old one lived
    const alive = right - (sockets.length - opened);
    return { target: target.name, protocol, connections, restPssBytes, heldPssBytes, alive };
  } finally {
    for (const socket of sockets) socket.destroy();
    await running.stop();
  }
};

/**
 * @param done - what a run before this one has measured
 * @param keep - called with all rows whenever there is one more
 */
export const measureIdle = async (
  context: BenchContext,
  done: readonly IdleRow[],
  keep: (rows: readonly IdleRow[]) => void,
): Promise<void> => {
  const rows = [...done];
  for (const protocol of ['h1', 'h2'] as const) {
    for (const target of context.targets.filter(({ speaksHttp2 }) => protocol === 'h1' || speaksHttp2)) {
      if (rows.some((row) => row.target === target.name && row.protocol === protocol)) continue;
      const row = await locked(context.options.lock, () => measureOne(context, target, protocol));
      rows.push(row);
      keep(rows);
      context.say(`idle ${protocol} ${target.name}: ${row.connections} held`);
    }
  }
};
