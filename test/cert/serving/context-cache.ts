import { once } from 'node:events';
import type { SecureContext } from 'node:tls';
import t from 'tap';
import { ContextCache, type ContextLookup } from '../../../src/cert/serving/context-cache.ts';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import { createCertificateStore, type StoredCertificate } from '../../../src/cert/state/store.ts';
import { LinkgateError } from '../../../src/core/errors.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { recorder } from '../../helpers/recorder.ts';
import { until } from '../../helpers/until.ts';

const forever = new AbortController().signal;
const issuer = createLocalIssuer({
  storage: createMemoryStorage(),
  keyType: 'ecdsa-p256',
  clock: fakeClock(),
});
const name = 'links.example.com';
const origin = { source: 'local', issuer: 'local' } as const;
const certificates = await Promise.all([1, 2].map(() => issuer.obtain(name, forever)));

/** A cache on a store whose reads are counted and can be held back or broken. */
const setUp = (maxContexts = 10) => {
  const clock = fakeClock();
  const store = createCertificateStore({ storage: createMemoryStorage() });
  const { emit, of } = recorder();
  const state: { reads: number; hold: Promise<void> | undefined; failure: Error | undefined } = {
    reads: 0,
    hold: undefined,
    failure: undefined,
  };
  const read = async (name: string): Promise<StoredCertificate | undefined> => {
    state.reads += 1;
    const value = state.failure === undefined ? await store.read(name) : undefined;
    await state.hold;
    if (state.failure !== undefined) throw state.failure;
    return value;
  };
  const put = (index: number): Promise<StoredCertificate> => {
    const certificate = certificates[index];
    if (certificate === undefined) throw new Error('no such certificate');
    return store.write(name, { ...certificate, ...origin });
  };
  return { clock, put, state, of, cache: new ContextCache({ store: { read }, clock, emit, maxContexts }) };
};

const latch = () => {
  const opened = new AbortController();
  const hold = once(opened.signal, 'abort').then(() => undefined);
  return { hold, open: () => opened.abort() };
};

const settle = async (): Promise<void> => {
  for (let turns = 0; turns < 10; turns += 1) await new Promise((resolve) => setImmediate(resolve));
};

t.test('lookups at the same time share one load, then it is in memory', async (t) => {
  const { cache, put, state } = setUp();
  await put(0);
  const found = await Promise.all([cache.lookup(name), cache.lookup(name), cache.lookup(name)]);
  t.equal(state.reads, 1);
  t.same(
    found.map(({ result }) => result),
    ['miss', 'miss', 'miss'],
  );
  const again = cache.lookup(name) as ContextLookup;
  t.equal(again.result, 'hit');
  t.equal(again.context, found[0]?.context);
  t.equal(cache.size, 1);
});

t.test('a name without a certificate costs one read a second, until a refresh', async (t) => {
  const { cache, put, state, clock } = setUp();
  t.same(await cache.lookup(name), { result: 'absent' });
  for (let times = 0; times < 100; times += 1) t.same(await cache.lookup(name), { result: 'absent' });
  t.equal(state.reads, 1);
  await clock.advance(1_000);
  await cache.lookup(name);
  t.equal(state.reads, 2);
  await put(0);
  await cache.refresh(name);
  t.match(await cache.lookup(name), { result: 'miss', context: Object });
});

t.test('a renewal is swapped in while the old one is served', async (t) => {
  const { cache, put, state } = setUp();
  await put(0);
  const old = (await cache.lookup(name)).context as SecureContext;
  await put(1);
  const held = latch();
  state.hold = held.hold;
  const looking = cache.refresh(name);
  t.equal((cache.lookup(name) as ContextLookup).context, old, 'served meanwhile, at once');
  held.open();
  await looking;
  const fresh = cache.lookup(name) as ContextLookup;
  t.equal(fresh.result, 'hit');
  t.not(fresh.context, old);
});

t.test('a refresh during a load is not missed', async (t) => {
  const { cache, put, state } = setUp();
  await put(0);
  const old = (await cache.lookup(name)).context;
  const held = latch();
  state.hold = held.hold;
  const first = cache.refresh(name);
  await settle();
  await put(1);
  const second = cache.refresh(name);
  held.open();
  await Promise.all([first, second]);
  t.not((cache.lookup(name) as ContextLookup).context, old);
  t.equal(state.reads, 3);
});

t.test('the same certificate is not built again', async (t) => {
  const { cache, put } = setUp();
  await put(0);
  const { context } = await cache.lookup(name);
  await cache.refresh(name);
  t.equal((cache.lookup(name) as ContextLookup).context, context);
});

t.test('renewals of other machines are found within five minutes, without any message', async (t) => {
  const { cache, put, state, clock } = setUp();
  await put(0);
  const { context } = await cache.lookup(name);
  await put(1);
  await clock.advance(299_000);
  t.equal((cache.lookup(name) as ContextLookup).context, context);
  t.equal(state.reads, 1);
  await clock.advance(1_000);
  t.equal((cache.lookup(name) as ContextLookup).context, context, 'nobody waits for it');
  await settle();
  t.equal(state.reads, 2);
  t.not((cache.lookup(name) as ContextLookup).context, context);
});

t.test('a clock that goes back does not stop the checks', async (t) => {
  const { cache, put, state, clock } = setUp();
  await put(0);
  await cache.lookup(name);
  clock.jump(clock.now() - 86_400_000);
  void cache.lookup(name);
  await settle();
  t.equal(state.reads, 2);
});

t.test('a context stays in use when the storage fails', async (t) => {
  const { cache, put, state, of } = setUp();
  await put(0);
  const { context } = await cache.lookup(name);
  state.failure = new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'storage "/x" cannot be read: EIO');
  await cache.refresh(name);
  t.equal((cache.lookup(name) as ContextLookup).context, context);
  t.match(of('context.failed'), [
    { domain: name, code: 'ERR_STORAGE_UNAVAILABLE', message: 'storage "/x" cannot be read: EIO' },
  ]);
});

t.test('an expired or failed certificate is read every ten seconds', async (t) => {
  const { cache, put, state, clock } = setUp();
  await put(0);
  const { context } = await cache.lookup(name);
  state.failure = new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'storage "/x" cannot be read: EIO');
  await cache.refresh(name);
  state.failure = undefined;
  await put(1);
  await clock.advance(9_999);
  t.equal((cache.lookup(name) as ContextLookup).context, context, 'news that could not be read');
  await clock.advance(1);
  void cache.lookup(name);
  await settle();
  t.not((cache.lookup(name) as ContextLookup).context, context);

  clock.jump(clock.now() + 30 * 86_400_000);
  const reads = state.reads;
  void cache.lookup(name);
  await settle();
  for (let seconds = 0; seconds < 30; seconds += 1) {
    await clock.advance(1_000);
    void cache.lookup(name);
    await settle();
  }
  t.equal(state.reads - reads, 4, 'one that has expired');
});

t.test('a storage that fails from the first is asked once a second', async (t) => {
  const { cache, state, clock } = setUp();
  state.failure = new Error('broken');
  t.same(await cache.lookup(name), { result: 'failed' });
  t.same(await cache.lookup(name), { result: 'failed' });
  t.equal(state.reads, 1);
  state.failure = undefined;
  await clock.advance(1_000);
  t.same(await cache.lookup(name), { result: 'absent' });
});

t.test('an expired certificate is served rather than nothing', async (t) => {
  const { cache, put, clock } = setUp();
  await put(0);
  clock.jump(clock.now() + 30 * 86_400_000);
  t.match(await cache.lookup(name), { result: 'miss', context: Object });
});

t.test('there are never more contexts than allowed', async (t) => {
  const clock = fakeClock();
  const { emit, of } = recorder();
  const [certificate] = certificates;
  const read = async (domain: string): Promise<StoredCertificate> => ({
    ...(certificate ?? { keyPem: '', chainPem: '' }),
    ...origin,
    domain,
    serial: '1',
    fingerprint: domain,
    notBeforeMs: 0,
    notAfterMs: 1,
  });
  const cache = new ContextCache({ store: { read }, clock, emit, maxContexts: 3 });
  for (let index = 0; index < 10; index += 1) await cache.lookup(`n${index}.example.com`);
  t.equal(cache.size, 3);
  t.equal((cache.lookup('n9.example.com') as ContextLookup).result, 'hit');
  t.equal(of('context.loaded').length, 10);
  t.ok(of('context.loaded').every(({ durationMs }) => durationMs > 0));
  t.equal(of('context.evicted').length, 7);
  const asked = cache.lookup('n10.example.com');
  t.equal(cache.loading, 1);
  await asked;
  t.equal(cache.loading, 0);
});

t.test('a key that OpenSSL refuses is a certificate that cannot be served; the old one stays', async (t) => {
  const [first, second] = certificates;
  if (first === undefined || second === undefined) throw new Error('certificates are missing');
  const { emit, of } = recorder();
  const clock = fakeClock();
  const stored = { domain: name, ...origin, ...first, serial: '1', notBeforeMs: 0, notAfterMs: 2e12 };
  let next: StoredCertificate = { ...stored, fingerprint: 'a' };
  const cache = new ContextCache({
    store: { read: () => Promise.resolve(next) },
    clock,
    emit,
    maxContexts: 10,
  });
  const { context } = await cache.lookup(name);
  next = { ...stored, fingerprint: 'b', keyPem: second.keyPem };
  await cache.refresh(name);
  t.equal((await cache.lookup(name)).context, context);
  t.match(of('context.failed'), [{ domain: name, code: 'ERR_CERT_INVALID' }]);
});

t.test('an evicted context is closed, but not while a handshake may still get it', async (t) => {
  const { put, state } = setUp();
  const stored = await put(0);
  const closed = new Set<unknown>();
  const cache = new ContextCache({
    store: { read: (domain) => Promise.resolve({ ...stored, domain }) },
    clock: fakeClock(),
    emit: () => undefined,
    maxContexts: 2,
    closeAfterMs: 200,
  });
  const startMs = performance.now();
  const contexts = await Promise.all(
    ['a', 'b', 'c', 'd'].map(async (domain) => {
      const { context } = await cache.lookup(domain);
      const inner = (context as (SecureContext & { context: { close(): void } }) | undefined)?.context;
      t.type(inner?.close, 'function', 'Node has it');
      if (inner === undefined) throw new Error('there is no context');
      const close = inner.close.bind(inner);
      inner.close = () => {
        closed.add(domain);
        close();
      };
      return context;
    }),
  );
  t.equal(cache.size, 2);
  await until('the two that were dropped', () => closed.size === 2);
  t.ok(performance.now() - startMs >= 200);
  t.same([...closed], ['a', 'b']);
  t.equal((await cache.lookup('d')).context, contexts[3], 'what is kept stays open');
  t.equal(state.reads, 0);
});
