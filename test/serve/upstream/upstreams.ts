import t from 'tap';
import { withDefaults } from '../../../src/serve/limits.ts';
import { createUpstreams } from '../../../src/serve/upstream/upstreams.ts';

const us = { id: 'us', origin: 'https://127.0.0.1:9', serverName: 'e.customeriomail.com' } as const;
const eu = { ...us, id: 'eu' } as const;
const use = { connectTimeoutMs: 1_000, responseTimeoutMs: 1_000, maxConnections: 2 };

t.test('one that did not change stays, with its connections', async (t) => {
  const upstreams = createUpstreams();
  t.teardown(() => upstreams.destroy());
  upstreams.apply([us], use, withDefaults());
  const first = upstreams.find('us');
  upstreams.apply([{ ...us }, eu], { ...use }, withDefaults());
  t.equal(upstreams.find('us'), first);
  t.ok(upstreams.find('eu'));
  upstreams.apply([us], { ...use, maxConnections: 3 }, withDefaults());
  t.not(upstreams.find('us'), first);
  t.equal(upstreams.find('eu'), undefined);
});

t.test('one that cannot be made leaves all as they were', async (t) => {
  const upstreams = createUpstreams();
  t.teardown(() => upstreams.destroy());
  upstreams.apply([us], use, withDefaults());
  const first = upstreams.find('us');
  const change = (): void => upstreams.apply([{ ...us, origin: 'nowhere' }, eu], use, withDefaults());
  t.throws(change, { code: 'ERR_INVALID_URL' });
  t.equal(upstreams.find('us'), first);
  t.equal(upstreams.find('eu'), undefined);
});

t.test('one that left is destroyed when nobody waits for it', async (t) => {
  const upstreams = createUpstreams();
  t.teardown(() => upstreams.destroy());
  upstreams.apply([us], use, withDefaults());
  const gone = upstreams.find('us');
  upstreams.apply([eu], use, withDefaults());
  const answer = {
    onControl: () => undefined,
    onInform: () => undefined,
    onHead: () => undefined,
    onData: () => true,
    onEnd: () => undefined,
    onError: () => undefined,
  };
  t.throws(() => gone?.dispatch({ method: 'GET', target: '/', fields: [], body: undefined }, answer), {
    code: 'ERR_UPSTREAM_BUSY',
  });
});
