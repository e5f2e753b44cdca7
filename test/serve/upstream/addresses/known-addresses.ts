// What is remembered of an upstream's addresses, and for how long. Time and answers are handed in.

import t from 'tap';
import type { FamilyAnswer, Resolved } from '../../../../src/serve/upstream/addresses/resolve-addresses.ts';
import {
  createUpstreamAddresses,
  type UpstreamAddresses,
} from '../../../../src/serve/upstream/addresses/known-addresses.ts';
import { pause } from '../../../helpers/pause.ts';

const family = (addresses: string[], ttlMs = 60_000): FamilyAnswer => ({ addresses, ttlMs });
const NONE = family([], 0);

/** A book with a clock and a resolver of its own: `answer` decides what the next look says. */
const book = (): {
  readonly addresses: UpstreamAddresses;
  readonly looks: string[];
  looked: number;
  nowMs: number;
  answer: () => Promise<Resolved>;
} => {
  const state = {
    looks: [] as string[],
    looked: 0,
    nowMs: 1_000,
    answer: (): Promise<Resolved> => Promise.resolve({ ipv4: family(['192.0.2.1']), ipv6: NONE }),
    addresses: undefined as unknown as UpstreamAddresses,
  };
  state.addresses = createUpstreamAddresses({
    host: 'tracker.example.com',
    resolve: () => {
      state.looked += 1;
      return state.answer();
    },
    onLook: (result, error) => state.looks.push(error === undefined ? result : `${result}: ${error.message}`),
    nowMs: () => state.nowMs,
  });
  return state;
};
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

t.test('an address is never looked up', async (t) => {
  for (const host of ['192.0.2.1', '2001:db8::1']) {
    const addresses = createUpstreamAddresses({
      host,
      resolve: () => Promise.reject(new Error('asked')),
      onLook: () => t.fail('looked'),
    });
    t.same(await addresses.current(), [host]);
    t.ok(addresses.isCurrent(host));
  }
});

t.test('families come in turn, IPv6 first; many who ask are one look', async (t) => {
  const known = book();
  known.answer = () => Promise.resolve({ ipv4: family(['a4', 'b4', 'c4']), ipv6: family(['a6']) });
  const all = await Promise.all(Array.from({ length: 50 }, () => known.addresses.current()));
  for (const one of all) t.same(one, ['a6', 'a4', 'b4', 'c4']);
  t.equal(known.looked, 1);
  t.same(known.looks, ['answered']);
});

t.test('an answer holds for its TTL, 5 s at least and 5 min at most', async (t) => {
  for (const [ttlMs, holdsMs] of [
    [0, 5_000],
    [60_000, 60_000],
    [86_400_000, 300_000],
  ] as const) {
    const known = book();
    known.answer = () => Promise.resolve({ ipv4: family(['a'], ttlMs), ipv6: NONE });
    await known.addresses.current();
    known.nowMs += holdsMs - 1;
    await known.addresses.current();
    t.equal(known.looked, 1);
    known.nowMs += 1;
    await known.addresses.current();
    t.equal(known.looked, 2, `TTL ${ttlMs}`);
  }
});

t.test('kept connections are held to the current answer, and start the next lookup', async (t) => {
  const known = book();
  await known.addresses.current();
  known.answer = () => Promise.resolve({ ipv4: family(['192.0.2.2']), ipv6: NONE });
  known.nowMs += 60_000;
  t.ok(known.addresses.isCurrent('192.0.2.1'), 'good until the new answer is in');
  await settled();
  t.equal(known.looked, 2);
  t.notOk(known.addresses.isCurrent('192.0.2.1'));
  t.ok(known.addresses.isCurrent('192.0.2.2'));
});

t.test('while nobody answers the last addresses are used: told, asked again, and for a day', async (t) => {
  const known = book();
  await known.addresses.current();
  known.answer = () => Promise.reject(new Error('SERVFAIL'));
  known.nowMs += 60_000;
  t.same(await known.addresses.current(), ['192.0.2.1']);
  t.same(known.looks, ['answered', 'kept: SERVFAIL']);
  t.same(await known.addresses.current(), ['192.0.2.1']);
  t.equal(known.looked, 2, 'not for each click');
  known.nowMs += 5_000;
  await known.addresses.current();
  t.equal(known.looked, 3, 'after five seconds');
  known.nowMs += 86_400_000;
  await t.rejects(known.addresses.current(), { message: 'SERVFAIL' });
  t.equal(known.looks.at(-1), 'failed: SERVFAIL');
  t.ok(known.addresses.isCurrent('192.0.2.1'), 'a connection that stands is better than none');
  known.answer = () => Promise.resolve({ ipv4: family(['192.0.2.3']), ipv6: NONE });
  t.same(await known.addresses.current(), ['192.0.2.3'], 'the next click asks again, and finds it');
});

t.test('a look that hangs holds up a new connection for a second at most, and is still one', async (t) => {
  const known = book();
  await known.addresses.current();
  known.answer = () => new Promise(() => undefined);
  known.nowMs += 60_000;
  const before = performance.now();
  t.same(await known.addresses.current(), ['192.0.2.1']);
  t.ok(performance.now() - before >= 900);
  known.nowMs += 1_000;
  // timers end in their order, however late all of them are
  const later = pause(500).then(() => 'it waits');
  t.same(
    await Promise.race([known.addresses.current(), later]),
    ['192.0.2.1'],
    'those who come later do not wait',
  );
  t.equal(known.looked, 2);
});

t.test('half an answer does not take the other half away', async (t) => {
  const known = book();
  known.answer = () => Promise.resolve({ ipv4: family(['a4']), ipv6: family(['a6']) });
  await known.addresses.current();
  known.answer = () => Promise.resolve({ ipv4: family(['b4']), ipv6: undefined });
  known.nowMs += 60_000;
  t.same(await known.addresses.current(), ['a6', 'b4']);
  known.nowMs += 5_000;
  known.answer = () => Promise.resolve({ ipv4: family(['b4']), ipv6: NONE });
  t.same(await known.addresses.current(), ['b4'], 'absent is an answer; asked soon again');
});

t.test('with nothing known a failure is the caller’s, and the next one asks again', async (t) => {
  const known = book();
  known.answer = () => Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
  await t.rejects(known.addresses.current(), { code: 'ENOTFOUND' });
  t.same(known.looks, ['failed: no such name']);
  await t.rejects(known.addresses.current(), { code: 'ENOTFOUND' });
  t.equal(known.looked, 2);
});
