import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { createLive, type Live } from '../../../src/admin/page/live.ts';
import { until } from '../../helpers/until.ts';

/** Listens and keeps what came. */
const listener = async (port: number) => {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ host: '127.0.0.1', port, agent: false }, resolve).on('error', reject);
  });
  const heard = { text: '', isOver: false, answer };
  answer.setEncoding('utf8').on('data', (chunk: string) => (heard.text += chunk));
  answer.on('error', () => undefined).on('close', () => (heard.isOver = true));
  return heard;
};

const serving = async (t: Test, live: Live): Promise<number> => {
  const server = createServer((_request, response) => {
    if (!live.listen(response)) response.writeHead(503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    live.stop();
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

t.test('listeners are told now and then, and soon when something happened, once for much', async (t) => {
  const live = createLive({ everyMs: 3_600_000, soonMs: 20 });
  const heard = await listener(await serving(t, live));
  t.match(heard.answer.headers, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  for (let times = 0; times < 100; times += 1) live.tell();
  await until('told', () => heard.text.includes('data: look'));
  t.equal(heard.text.match(/data: look\n\n/g)?.length, 1);
  live.stop();
  await until('it is over', () => heard.isOver);

  const often = createLive({ everyMs: 10 });
  const other = await listener(await serving(t, often));
  await until('told again and again', () => (other.text.match(/look/g)?.length ?? 0) >= 3);
});

t.test('sixteen may listen; one that leaves makes room', async (t) => {
  const live = createLive();
  const port = await serving(t, live);
  const all = await Promise.all(Array.from({ length: 16 }, () => listener(port)));
  t.strictSame(new Set(all.map(({ answer }) => answer.statusCode)), new Set([200]));
  t.equal((await listener(port)).answer.statusCode, 503);
  all[0]?.answer.destroy();
  await until('there is room', async () => (await listener(port)).answer.statusCode === 200);
  live.stop();
  t.equal((await listener(port)).answer.statusCode, 503, 'not after the end');
});

t.test('one that reads nothing is let go', async (t) => {
  const live = createLive({ everyMs: 1 });
  const port = await serving(t, live);
  let written = 0;
  let isGone = false;
  const response = {
    writableLength: 0,
    on: () => undefined,
    setHeader: () => undefined,
    writeHead: () => undefined,
    write: (text: string) => {
      written += 1;
      response.writableLength += text.length * 100;
    },
    destroy: () => (isGone = true),
    end: () => undefined,
  };
  live.listen(response as unknown as Parameters<Live['listen']>[0]);
  await until('it is gone', () => isGone);
  t.ok(written > 1);
  t.ok(port > 0);
});
