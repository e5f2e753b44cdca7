import t from 'tap';
import { createFindServers, findTarget, showRecords } from '../../../src/app/commands/dns.ts';
import type { Settings } from '../../../src/core/settings.ts';
import { failingNameServer } from '../../helpers/examine.ts';
import { authority, recordingResolver } from '../../helpers/dns-world.ts';
import { needs } from '../../helpers/needs.ts';
import { localSettings } from '../../helpers/settings.ts';

const listen = (host: string) => ({ host, port: 443 });

/** Whatever this machine has: addresses, or none that is public. */
const findTargetOfThisMachine = (): readonly string[] => {
  try {
    const { target } = findTarget([], listen('::'));
    return 'addresses' in target ? target.addresses : [];
  } catch {
    return [];
  }
};

t.test('where this proxy is: an option, `listen`, then the interfaces', async (t) => {
  const machine = ['10.0.0.5', '203.0.113.7', '2001:db8::7', 'fe80::1', '100.64.3.4'];
  t.strictSame(findTarget(['Proxy.Acme.com.'], listen('0.0.0.0'), machine), {
    target: { name: 'proxy.acme.com' },
    by: 'word',
  });
  t.strictSame(findTarget(['198.51.100.1', '2001:db8::1', '198.51.100.1'], listen('0.0.0.0')).target, {
    addresses: ['198.51.100.1', '2001:db8::1'],
  });
  t.strictSame(findTarget([], listen('198.51.100.2'), machine), {
    target: { addresses: ['198.51.100.2'] },
    by: 'listen',
  });
  t.strictSame(findTarget([], listen('0.0.0.0'), machine), {
    target: { addresses: ['203.0.113.7'] },
    by: 'interfaces',
  });
  t.strictSame(findTarget([], listen('::'), machine).target, { addresses: ['203.0.113.7', '2001:db8::7'] });
  for (const [words, host] of [
    [[], '0.0.0.0'],
    [[], '127.0.0.1'],
    [[], '10.1.2.3'],
    [['no name'], '0.0.0.0'],
    [['a.example', '203.0.113.7'], '0.0.0.0'],
    [['a.example', 'b.example'], '0.0.0.0'],
  ] as const)
    t.throws(() => findTarget(words, listen(host), ['10.0.0.5']), { code: 'ERR_USAGE', message: /--to/ });
  t.ok(Array.isArray(findTargetOfThisMachine()), 'reads the interfaces');
});

const ACME = {
  type: 'acme',
  name: 'letsencrypt',
  directory: 'https://acme-v02.api.letsencrypt.org/directory',
} as const;
const withIssuer = (settings: Settings, change: object): Settings => ({
  ...settings,
  certificates: {
    ...settings.certificates,
    issuers: [{ ...ACME, challenges: ['http-01'], ...change }],
  },
});

t.test('wanted records next to those that a resolver finds', { skip: needs('named') }, async (t) => {
  const zone = await authority(t, {
    'example.com': [
      'links IN CNAME proxy.example.net.',
      'old IN CNAME e.example.net.',
      'flat IN A 203.0.113.7',
      'flat IN CAA 0 issue "pki.goog"',
      '_acme-challenge.links IN CNAME links.dyn.example.net.',
    ],
    com: [],
    'example.net': ['proxy IN A 203.0.113.7', 'e IN A 203.0.113.9'],
  });
  const resolver = await recordingResolver(t, { com: zone, 'example.com': zone, 'example.net': zone });
  const names = ['links', 'old', 'flat', 'none'].map((label) => `${label}.example.com`);
  const dns = {
    provider: {
      type: 'rfc2136',
      server: { host: '127.0.0.1', port: 53 },
      keyName: 'k',
      keyFile: '/k',
      zone: 'dyn.example.net.',
    },
    resolvers: [],
    propagationMs: 1000,
  };
  const settings = withIssuer(
    localSettings(t, undefined, {
      domains: names.map((name) => ({ name, upstream: 'us', redirectHttp: false })),
    }),
    { challenges: ['dns-01'], dns },
  );
  const options = {
    settings,
    target: { name: 'proxy.example.net' },
    resolvers: [`127.0.0.1:${resolver.port}`],
  };
  const shown = await showRecords({ ...options, domains: [] });
  t.strictSame(
    shown.map(({ domain, records }) => [domain.split('.')[0], ...records.map(({ state }) => state)]),
    [
      ['links', 'ok', 'optional', 'ok'],
      ['old', 'differs', 'optional', 'missing'],
      ['flat', 'ok', 'differs', 'missing'],
      ['none', 'missing', 'optional', 'missing'],
    ],
  );
  t.match(await showRecords({ ...options, domains: ['old.example.com'] }), [
    { domain: 'old.example.com', records: [{ now: ['e.example.net'] }, {}, { optional: false }] },
  ]);
  const addresses = { addresses: ['203.0.113.7'] };
  const [plain] = await showRecords({ ...options, domains: ['flat.example.com'], target: addresses });
  t.strictSame(
    plain?.records.map(({ type }) => type),
    ['A', 'CAA', 'CNAME'],
    'no row for an AAAA nobody wants',
  );
  await t.rejects(showRecords({ ...options, domains: ['x.example'] }), { code: 'ERR_CERT_UNKNOWN_NAME' });

  const findServers = createFindServers([{ host: '127.0.0.1', port: resolver.port }], zone.port);
  const { signal } = new AbortController();
  const own = [{ address: `127.0.0.1:${zone.port}`, zone: 'example.com' }];
  t.strictSame(
    await findServers('links.example.com', signal),
    own,
    'of the name, not of where its alias leads',
  );
  t.strictSame(await findServers('none.example.com', signal), own);
});

t.test('a DNS that fails is a state, not an end', async (t) => {
  const settings = withIssuer(localSettings(t), {});
  const resolvers = [await failingNameServer(t)];
  const [shown] = await showRecords({ settings, domains: [], target: { name: 'p.example' }, resolvers });
  t.strictSame(
    shown?.records.map(({ state }) => state),
    ['failed', 'failed'],
  );
});
