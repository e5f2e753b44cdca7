// Doctor, preflight, `linkgate dns` and dns-01 look at the same names on the same BIND. What one of them refuses, no other calls good.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import t, { type Test } from 'tap';
import { runDoctor } from '../../../src/app/commands/doctor.ts';
import { showRecords } from '../../../src/app/commands/dns.ts';
import { readPublicCas } from '../../../src/app/issuers.ts';
import { directorySlug } from '../../../src/cert/acme/account.ts';
import { createDnsSolver } from '../../../src/cert/challenges/dns-01.ts';
import { createPreflight } from '../../../src/cert/renewal/preflight.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import type { DnsSettings, ListenAddress, Settings } from '../../../src/core/settings.ts';
import { createDnsResolver } from '../../../src/dns/resolver.ts';
import { createZoneLookup } from '../../../src/dns/zone-lookup.ts';
import { createFileStorage } from '../../../src/storage/file.ts';
import { freePort } from '../../helpers/free-port.ts';
import { nameServer } from '../../helpers/name-server.ts';
import { needs } from '../../helpers/needs.ts';
import { localSettings } from '../../helpers/settings.ts';
import { tracker } from '../../helpers/tracker.ts';

const { signal } = new AbortController();
const DIRECTORY = 'https://acme-v02.api.letsencrypt.org/directory';
const OWN = 'https://acme-v02.api.letsencrypt.org/acme/acct/1';
const OTHER = 'https://acme-v02.api.letsencrypt.org/acme/acct/2';

interface Said {
  /** ids of the findings of `dns` and `caa`, `green` where there is none */
  readonly doctor: readonly [dns: string, caa: string];
  /** what speaks against an order */
  readonly preflight: RegExp | undefined;
  /** states of the A and the CAA record */
  readonly records: readonly [address: string, caa: string];
  /** whether its record was set and seen */
  readonly dns01: 'done' | 'ERR_DNS_UNAVAILABLE';
}

/** The four, each as the commands put it together, on one server. */
const setUp = async (
  t: Test,
  {
    resolver,
    names,
    account,
    dns,
  }: {
    readonly resolver: ListenAddress;
    readonly names: readonly string[];
    readonly account: string | undefined;
    readonly dns: DnsSettings;
  },
) => {
  const domains = names.map((name) => ({ name, upstream: 'us', redirectHttp: false }) as const);
  const base = localSettings(t, await tracker(t), { domains });
  const issuer = {
    type: 'acme',
    name: 'letsencrypt',
    directory: DIRECTORY,
    challenges: ['http-01'],
  } as const;
  const settings: Settings = {
    ...base,
    listen: { ...base.listen, admin: { host: '127.0.0.1', port: await freePort() } },
    certificates: { ...base.certificates, issuers: [issuer] },
  };
  const { certificates } = settings;
  const storage = createFileStorage({ path: certificates.storage.path, clock: systemClock });
  await storage.open();
  if (account !== undefined) {
    const kept = { version: 1, directory: DIRECTORY, keyPem: 'x', url: account };
    await storage.write(`accounts/${directorySlug(DIRECTORY)}.json`, JSON.stringify(kept));
  }
  const resolvers = [`${resolver.host}:${resolver.port}`];
  const lookup = createZoneLookup({ resolvers: [resolver], serverPort: resolver.port });
  return {
    doctor: async (): Promise<readonly Said['doctor'][]> => {
      const ports = { http: await freePort(), https: await freePort() };
      const report = await runDoctor({ settings, domains: [], resolvers, ports, signal });
      return report.domains.map(({ findings }) => {
        const idOf = (check: string) => findings.find((one) => one.check === check)?.id ?? 'green';
        return [idOf('dns'), idOf('caa')];
      });
    },
    preflight: createPreflight({
      resolver: createDnsResolver({ servers: resolvers }),
      cas: () => readPublicCas(certificates, storage),
      needsAddress: true,
    }),
    records: async (): Promise<readonly Said['records'][]> => {
      const shown = await showRecords({
        settings,
        domains: [],
        target: { addresses: ['127.0.0.1'] },
        resolvers,
      });
      return shown.map(({ records }) => {
        const stateOf = (kind: string) => records.find(({ type }) => type === kind)?.state ?? '';
        return [stateOf('A'), stateOf('CAA')];
      });
    },
    solver: createDnsSolver({ settings: dns, clock: systemClock, lookup }),
  };
};

type Four = Awaited<ReturnType<typeof setUp>>;

const dns01 = async ({ solver }: Four, name: string): Promise<Said['dns01']> => {
  const challenge = { name, token: 'token', keyAuthorization: 'token.thumb', keyType: 'ecdsa-p256' } as const;
  try {
    const cleanUp = await solver.present(challenge, signal);
    await cleanUp();
    return 'done';
  } catch (error) {
    return (error as { readonly code: Said['dns01'] }).code;
  }
};

/** Asks all four and compares: with the table, and with each other. */
const compare = async (t: Test, four: Four, table: Readonly<Record<string, Said>>): Promise<void> => {
  const names = Object.keys(table);
  const [doctor, records, orders, challenges] = await Promise.all([
    four.doctor(),
    four.records(),
    Promise.all(names.map((name) => four.preflight(name, signal))),
    Promise.all(names.map((name) => dns01(four, name))),
  ]);
  for (const [index, [name, said]] of Object.entries(table).entries()) {
    const found = { doctor: doctor[index], records: records[index], dns01: challenges[index] };
    t.strictSame(found, { doctor: said.doctor, records: said.records, dns01: said.dns01 }, name);
    const refusal = orders[index]?.message;
    if (said.preflight === undefined) t.equal(refusal, undefined, name);
    else t.match(refusal, said.preflight, name);
    const isRefused = refusal !== undefined;
    const [dns, caa] = found.doctor ?? [];
    t.equal(dns === 'dns-absent' || caa === 'caa-forbids', isRefused, `${name}: doctor and preflight`);
    const [address, caaRecord] = found.records ?? [];
    t.equal(address === 'missing' || caaRecord === 'differs', isRefused, `${name}: dns and preflight`);
    t.equal(caa === 'caa-account', caaRecord === 'unsure', `${name}: doctor and dns`);
    t.equal(dns === 'dns-failed', found.dns01 !== 'done', `${name}: doctor and dns-01`);
  }
};

const good: Said = {
  doctor: ['green', 'green'],
  preflight: undefined,
  records: ['ok', 'optional'],
  dns01: 'done',
};
const allowed: Said = { ...good, records: ['ok', 'ok'] };
const absent: Said = {
  ...good,
  doctor: ['dns-absent', 'green'],
  preflight: /has no address/,
  records: ['missing', 'optional'],
};
const forbidden: Said = {
  ...good,
  doctor: ['green', 'caa-forbids'],
  preflight: /CAA records of .* forbid/,
  records: ['ok', 'differs'],
};
const unsure: Said = { ...good, doctor: ['green', 'caa-account'], records: ['ok', 'unsure'] };
const failed: Said = {
  doctor: ['dns-failed', 'caa-failed'],
  preflight: undefined,
  records: ['failed', 'failed'],
  dns01: 'ERR_DNS_UNAVAILABLE',
};

const caa = (label: string, value: string): readonly string[] => [
  `${label} IN A 127.0.0.1`,
  `${label} IN CAA 0 issue "${value}"`,
];
const RECORDS = [
  'good IN A 127.0.0.1',
  'nodata IN TXT "no address"',
  'ring IN CNAME ring2',
  'ring2 IN CNAME ring',
  'chain IN CNAME chain2',
  'chain2 IN CNAME good',
  ...caa('le', 'letsencrypt.org'),
  ...caa('shut', ';'),
  ...caa('other', 'pki.goog'),
  'below.shut IN A 127.0.0.1',
  'alias IN CNAME shut',
  'below.alias IN A 127.0.0.1',
  ...caa('method', 'letsencrypt.org; validationmethods=dns-01'),
  ...caa('own', `letsencrypt.org; accounturi=${OWN}`),
  ...caa('stranger', `letsencrypt.org; accounturi=${OTHER}`),
];
const TABLE: Readonly<Record<string, Said>> = {
  'good.example.com': good,
  'none.example.com': absent,
  'nodata.example.com': absent,
  'ring.example.com': {
    ...absent,
    doctor: ['dns-absent', 'caa-failed'],
    preflight: /aliases lead in a circle/,
    records: ['missing', 'failed'],
  },
  'chain.example.com': good,
  'le.example.com': allowed,
  'shut.example.com': forbidden,
  'other.example.com': forbidden,
  'below.shut.example.com': { ...forbidden, preflight: /of "shut\.example\.com" forbid/ },
  'alias.example.com': { ...forbidden, preflight: /of "shut\.example\.com" forbid/ },
  'below.alias.example.com': { ...forbidden, preflight: /of "shut\.example\.com" forbid/ },
  'method.example.com': forbidden,
  'links.broken.example': failed,
};

t.test('one name server, one table', { skip: needs('named') }, async (t) => {
  const server = await nameServer(t, RECORDS, { com: [], 'broken.example': ['links IN A 999.0.0.1'] });
  const { host, port, keyName, keyFile } = server;
  const dns: DnsSettings = {
    provider: { type: 'rfc2136', server: { host, port }, keyName, keyFile },
    resolvers: [{ host, port }],
    propagationMs: 10_000,
  };
  const compareWith = async (t: Test, account: string | undefined, more: Readonly<Record<string, Said>>) => {
    const table = { ...TABLE, ...more };
    const names = Object.keys(table);
    await compare(t, await setUp(t, { resolver: { host, port }, names, account, dns }), table);
  };
  await t.test('with an account', (t) =>
    compareWith(t, OWN, { 'own.example.com': allowed, 'stranger.example.com': forbidden }),
  );
  await t.test('before there is an account', (t) =>
    compareWith(t, undefined, { 'own.example.com': unsure, 'stranger.example.com': unsure }),
  );
});

t.test('a name server that never answers', async (t) => {
  const silent = createSocket('udp4');
  silent.bind(0, '127.0.0.1');
  await once(silent, 'listening');
  t.teardown(() => silent.close());
  const resolver = { host: '127.0.0.1', port: silent.address().port };
  const dns: DnsSettings = {
    provider: { type: 'exec', command: ['/nowhere'], timeoutMs: 1 },
    resolvers: [resolver],
    propagationMs: 1,
  };
  const names = ['links.example.com'];
  const four = await setUp(t, { resolver, names, account: OWN, dns });
  await compare(t, four, { 'links.example.com': failed });
});
