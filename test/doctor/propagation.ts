// Two real authoritative servers and two real resolvers with caches, as a change spreads through them.

import t from 'tap';
import { systemClock, type Clock } from '../../src/core/platform/clock.ts';
import { watchPropagation, type DomainProgress, type Watched } from '../../src/doctor/propagation.ts';
import { wantedRecords } from '../../src/doctor/records.ts';
import { authority, recordingResolver } from '../helpers/dns-world.ts';
import { needs } from '../helpers/needs.ts';

/** Its pauses are short: what is waited for here is real servers, not time. */
const brisk: Clock = {
  now: systemClock.now,
  sleep: (ms, signal) => systemClock.sleep(Math.min(ms, 100), signal),
};
const at = ({ port }: { readonly port: number }): string => `127.0.0.1:${port}`;
const watched = (name: string, target: Parameters<typeof wantedRecords>[0]['target']): Watched => ({
  domain: name,
  records: wantedRecords({ name, target, cas: [] }),
});
const states = (progress: readonly DomainProgress[]): string =>
  progress.map(({ sightings }) => sightings.map(({ state }) => state).join(' ')).join(' | ');

t.test('a change is seen server by server, the resolver last', { skip: needs('named') }, async (t) => {
  const before = ['links IN A 127.0.0.9'];
  const after = ['links IN CNAME proxy.example.net.'];
  const first = await authority(t, { 'example.com': before });
  const second = await authority(t, { 'example.com': before });
  const target = await authority(t, { 'example.net': ['proxy IN A 127.0.0.1'] });
  const from = { 'example.com': second, 'example.net': target };
  const [one, two] = [await recordingResolver(t, from), await recordingResolver(t, from)];
  const seen: string[] = [];
  const changes: Promise<unknown>[] = [];
  let hasSpread = false;
  const stop = new AbortController();
  const result = await watchPropagation([watched('links.example.com', { name: 'proxy.example.net' })], {
    findServers: async () => [first, second].map((server) => ({ address: at(server), zone: 'example.com' })),
    resolvers: [at(one), at(two)],
    clock: brisk,
    signal: stop.signal,
    limitMs: 120_000,
    onRound: (progress) => {
      const now = states(progress);
      if (seen.at(-1) !== now) seen.push(now);
      if (seen.length === 1) {
        t.match(progress[0]?.sightings[0]?.has, ['A 127.0.0.9']);
        changes.push(first.replace('example.com', after));
      }
      if (now.startsWith('ok old') && !hasSpread) {
        hasSpread = true;
        changes.push(second.replace('example.com', after));
      }
      // what the end of the TTL does
      if (now === 'ok ok old old') changes.push(one.flush(), two.flush());
    },
  });
  await Promise.all(changes);
  t.equal(seen[0], 'old old old old');
  t.ok(seen.includes('ok old old old'), 'one server of two');
  t.equal(seen.at(-1), 'ok ok ok ok');
  t.ok(seen.includes('ok ok old old'), 'resolvers keep the old answer for its TTL');
  t.match(result, [{ isDone: true }]);
  t.ok(one.questions().includes('links.example.com CNAME'), 'the resolver was asked');
  t.ok(
    one.questions().every((question) => /example\.(com|net) /.test(question)),
    'and for nothing else',
  );
});

t.test(
  'a server that is silent, one that knows nothing, a zone without servers',
  { skip: needs('named') },
  async (t) => {
    const server = await authority(t, { 'example.com': ['links IN A 127.0.0.1'] });
    const refuses = await authority(t, { 'example.org': [] });
    await server.pause();
    t.teardown(() => server.resume());
    let rounds = 0;
    const stop = new AbortController();
    const result = await watchPropagation([watched('links.example.com', { addresses: ['127.0.0.1'] })], {
      findServers: async () => [{ address: at(server), zone: 'example.com' }],
      resolvers: [at(refuses)],
      clock: brisk,
      signal: stop.signal,
      limitMs: 60_000,
      onRound: (progress) => {
        rounds += 1;
        t.match(progress[0]?.sightings, [
          { state: 'failed', has: ['TIMEOUT'] },
          { state: 'failed', has: ['REFUSED'] },
        ]);
        stop.abort();
      },
    });
    t.equal(rounds, 1);
    t.match(result, [{ isDone: false }]);

    const lost = await watchPropagation([watched('links.example.com', { addresses: ['127.0.0.1'] })], {
      findServers: async () => {
        throw new Error('zone was not found');
      },
      resolvers: [],
      clock: brisk,
      signal: new AbortController().signal,
      limitMs: 0,
      onRound: () => undefined,
    });
    t.match(lost, [{ problem: 'zone was not found', isDone: false }], 'never done without its servers');
  },
);

t.test(
  'optional records are not waited for; done ones not asked again',
  { skip: needs('named') },
  async (t) => {
    const server = await authority(t, { 'example.com': ['links IN A 127.0.0.1'] });
    const resolver = await recordingResolver(t, { 'example.com': server });
    const records = wantedRecords({
      name: 'links.example.com',
      target: { addresses: ['127.0.0.1'] },
      cas: [{ identities: ['letsencrypt.org'] }],
      challengeZone: 'dyn.example',
    });
    let asked = 0;
    const result = await watchPropagation(
      [{ domain: 'links.example.com', records }, watched('none.example.com', { addresses: ['127.0.0.1'] })],
      {
        findServers: async (name) => {
          if (name.startsWith('links')) asked += 1;
          return [{ address: at(server), zone: 'example.com' }];
        },
        resolvers: [at(resolver)],
        clock: brisk,
        signal: new AbortController().signal,
        limitMs: 500,
        onRound: () => undefined,
      },
    );
    t.match(result, [
      { domain: 'links.example.com', isDone: true },
      { domain: 'none.example.com', isDone: false, sightings: [{ has: ['A none'] }, { has: ['A none'] }] },
    ]);
    t.equal(asked, 1);
  },
);
