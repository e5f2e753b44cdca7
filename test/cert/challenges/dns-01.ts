import t, { type Test } from 'tap';
import { checkCertificate } from '../../../src/cert/certificate/certificate.ts';
import { createDnsSolver, txtValue } from '../../../src/cert/challenges/dns-01.ts';
import type { DnsProvider, TxtRecord } from '../../../src/cert/challenges/dns-provider.ts';
import { AcmeIssuer } from '../../../src/cert/acme/acme-issuer.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import { LinkgateError } from '../../../src/core/errors.ts';
import type { DnsSettings } from '../../../src/core/settings.ts';
import { createZoneLookup, type ZoneLookup } from '../../../src/dns/zone-lookup.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { acmeCa } from '../../helpers/acme-ca.ts';
import { challengeServer } from '../../helpers/challenge-server.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { nameServer } from '../../helpers/name-server.ts';
import { needs } from '../../helpers/needs.ts';

const forever = new AbortController().signal;
const name = 'links.example.com';
const challenge = { name, token: 'token', keyAuthorization: 'token.thumb', keyType: 'ecdsa-p256' } as const;
const value = txtValue('token.thumb');
const never: DnsSettings = {
  provider: { type: 'exec', command: ['/nowhere'], timeoutMs: 1 },
  resolvers: [],
  propagationMs: 10_000,
};

/** DNS and provider of a test, with what was asked of the provider. */
const play = (seen: (asked: number, server: string) => boolean, fails: 'present' | undefined = undefined) => {
  const clock = fakeClock();
  const steps: string[] = [];
  let looks = 0;
  const lookup: ZoneLookup = {
    followAlias: async () => 'links.challenges.example.net',
    findZone: async () => 'challenges.example.net',
    findServers: async () => ['10.0.0.1:53', '10.0.0.2:53'],
    hasTxt: async (server) => {
      looks += 1;
      return seen(looks, server);
    },
  };
  const provider: DnsProvider = {
    present: async ({ name, value, zone }: TxtRecord) => {
      steps.push(`present ${name} ${value} ${zone}`);
      if (fails === 'present') throw new LinkgateError('ERR_DNS_UNAVAILABLE', 'no');
    },
    cleanUp: async ({ name, value }: TxtRecord) => void steps.push(`cleanUp ${name} ${value}`),
  };
  const solver = createDnsSolver({ settings: never, clock, lookup, provider });
  return { clock, steps, solver, looks: () => looks };
};

const [PRESENT, CLEAN_UP] = [
  `present links.challenges.example.net ${value} challenges.example.net`,
  `cleanUp links.challenges.example.net ${value}`,
];

t.test('the CA is asked once every server has the record, in the zone of the alias', async (t) => {
  const { clock, steps, solver, looks } = play((asked, server) => asked > 5 || server === '10.0.0.1:53');
  const presenting = solver.present(challenge, forever);
  const state = { settled: false };
  void presenting.then(() => (state.settled = true));
  while (!state.settled) await clock.advance(100);
  t.equal(looks(), 6, 'who has it is not asked again');
  t.same(steps, [PRESENT]);
  await (
    await presenting
  )();
  t.same(steps, [PRESENT, CLEAN_UP]);
});

t.test('a record that is not seen in time, or is refused, is removed again', async (t) => {
  const slow = play((_asked, server) => server === '10.0.0.1:53');
  const presenting = slow.solver.present(challenge, forever);
  presenting.catch(() => {});
  await slow.clock.advance(10_000);
  await t.rejects(presenting, {
    code: 'ERR_DNS_UNAVAILABLE',
    message: 'record of "links.challenges.example.net" was not seen at 10.0.0.2:53 in 10000 ms',
  });
  t.same(slow.steps, [PRESENT, CLEAN_UP]);

  const refused = play(() => true, 'present');
  await t.rejects(refused.solver.present(challenge, forever), { message: 'no' });
  t.same(refused.steps, [PRESENT, CLEAN_UP]);

  const stopped = play(() => false);
  const stop = new AbortController();
  const waiting = stopped.solver.present(challenge, stop.signal);
  waiting.catch(() => {});
  await stopped.clock.untilSleeping();
  stop.abort(new Error('stopping'));
  await t.rejects(waiting, { message: 'stopping' });
  t.same(stopped.steps, [PRESENT, CLEAN_UP], 'though nobody waits for it');
});

const setUp = async (t: Test, records: readonly string[]) => {
  const server = await nameServer(t, records);
  const { keyName, keyFile, host, port } = server;
  const settings: DnsSettings = {
    provider: { type: 'rfc2136', server, keyName, keyFile },
    resolvers: [{ host, port }],
    propagationMs: 10_000,
  };
  const lookup = createZoneLookup({ resolvers: settings.resolvers, serverPort: port });
  return { server, settings, solver: createDnsSolver({ settings, clock: systemClock, lookup }) };
};

t.test(
  'with BIND: the record is seen at the authoritative server, aliases followed',
  { skip: needs('named') },
  async (t) => {
    const { server, solver } = await setUp(t, [
      '_acme-challenge.aliased CNAME links.challenges.example.net.',
    ]);
    const cleanUp = await solver.present(challenge, forever);
    t.same(await server.txt(`_acme-challenge.${name}`), [value]);
    await cleanUp();
    t.same(await server.txt(`_acme-challenge.${name}`), []);

    const cleanAlias = await solver.present({ ...challenge, name: 'aliased.example.com' }, forever);
    t.same(await server.txt('links.challenges.example.net'), [value]);
    await cleanAlias();
    t.same(await server.txt('links.challenges.example.net'), []);
    await t.rejects(solver.present({ ...challenge, name: 'links.example.org' }, forever), {
      code: 'ERR_DNS_UNAVAILABLE',
    });
  },
);

t.test('with BIND and a CA: ordered, validated over DNS, cleaned up', { skip: needs('named') }, async (t) => {
  const { server, settings, solver } = await setUp(t, [
    '_acme-challenge.aliased CNAME links.challenges.example.net.',
  ]);
  const storage = createMemoryStorage();
  const httpPort = await challengeServer(t, createMemoryStorage());
  const ca = await acmeCa(t, { httpPort, dnsServer: `127.0.0.1:${server.port}` });
  const issuer = new AcmeIssuer({
    settings: {
      type: 'acme',
      name: 'test-ca',
      directory: ca.directory,
      caFile: ca.caFile,
      challenges: ['http-01', 'dns-01'],
      dns: settings,
    },
    dnsSolver: solver,
    keyType: 'ecdsa-p256',
    storage,
    clock: systemClock,
  });
  const names = [name, 'aliased.example.com', 'clicks.example.com'];
  await Promise.all(names.map(async (one) => checkCertificate(one, await issuer.obtain(one, forever))));
  t.equal(ca.orders().length, 6, 'http-01 had failed for each');
  for (const one of names) t.same(await server.txt(`_acme-challenge.${one}`), []);
});
