// One slot for a connection to a real TLS tracker: used again, replaced, closed when it is too old.

import { createSecureContext } from 'node:tls';
import t, { type Test } from 'tap';
import type { Client } from 'undici';
import { withDefaults } from '../../../src/serve/limits.ts';
import { Attempt } from '../../../src/serve/upstream/attempt.ts';
import { createUpstreamConnect } from '../../../src/serve/upstream/connect.ts';
import { Slot } from '../../../src/serve/upstream/slot.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

const slotTo = async (t: Test, connectionMs?: number) => {
  const target = await tracker(t);
  const settings = {
    id: 'us' as const,
    origin: `https://127.0.0.1:${target.port}`,
    serverName: target.serverName,
  };
  const connector = createUpstreamConnect({
    settings,
    timeoutMs: 30_000,
    secureContext: createSecureContext({ ca: target.caPem }),
  });
  const limits = withDefaults(connectionMs === undefined ? {} : { upstreamConnectionMs: connectionMs });
  const leaving = new Set<Client>();
  const slot = new Slot({ settings, limits, connector, leaving });
  t.teardown(async () => {
    connector.close();
    await slot.destroy();
  });
  return { slot, leaving };
};

/** The status of the response to one request. */
const click = (slot: Slot): Promise<number> =>
  new Promise((resolve, reject) => {
    let status = 0;
    const listener = {
      onControl: () => undefined,
      onInform: () => undefined,
      onHead: (code: number) => {
        status = code;
      },
      onData: () => true,
      onEnd: () => undefined,
      onError: reject,
    };
    const request = {
      method: 'GET',
      target: '/e/c/x',
      fields: ['Host', 'links.example.com'],
      body: undefined,
    };
    const again = (): void => reject(new Error('sent again'));
    slot.run(new Attempt<Slot>({ request, listener, release: () => resolve(status), again }));
  });

t.test('a connection is opened at the first request and used again', async (t) => {
  const { slot, leaving } = await slotTo(t);
  t.equal(slot.isConnected(), false);
  t.ok((await click(slot)) >= 200);
  t.equal(slot.isConnected(), true);
  t.equal(slot.served, 1);
  await click(slot);
  t.equal(slot.served, 2, 'the same connection');
  t.equal(leaving.size, 0);
});

t.test('a renewed slot has a new connection, and the old one goes', async (t) => {
  const { slot, leaving } = await slotTo(t);
  await click(slot);
  slot.renew(true);
  t.equal(slot.isConnected(), false);
  t.equal(slot.served, 0);
  await until('the old client is gone', () => leaving.size === 0);
  await click(slot);
  t.equal(slot.served, 1);
});

t.test('a connection that is too old carries nothing new', async (t) => {
  const { slot } = await slotTo(t, 0);
  await click(slot);
  await click(slot);
  t.equal(slot.served, 1, 'the second request has its own connection');
});
