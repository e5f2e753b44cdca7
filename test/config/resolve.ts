import { availableParallelism } from 'node:os';
import t from 'tap';
import { resolveSettings } from '../../src/config/resolve.ts';
import { configSchema } from '../../src/config/schema/schema.ts';
import type { Settings } from '../../src/core/settings.ts';

const CA_FILES = new Map([
  ['/etc/linkgate/all.pem', 'all'],
  ['/etc/eu.pem', 'eu'],
]);

const settings = (tree: Record<string, unknown>): Settings =>
  resolveSettings(
    configSchema.parse({ domains: [{ name: 'a.example' }], ...tree }),
    { domains: [], universalLinks: new Map(), caFiles: CA_FILES },
    '/etc/linkgate',
  );

const us = { id: 'us', origin: 'https://e.customeriomail.com', serverName: 'e.customeriomail.com' };
const eu = { id: 'eu', origin: 'https://e-eu.customeriomail.com', serverName: 'e-eu.customeriomail.com' };

t.test('the defaults', async (t) => {
  t.strictSame(settings({}), {
    listen: {
      https: { host: '0.0.0.0', port: 443 },
      http: { host: '0.0.0.0', port: 80 },
      admin: { host: '127.0.0.1', port: 9464 },
    },
    upstreams: [us],
    upstreamUse: { connectTimeoutMs: 3000, responseTimeoutMs: 15_000, maxConnections: 128 },
    certificates: {
      storage: { type: 'file', path: '/var/lib/linkgate/certs' },
      keyType: 'ecdsa-p256',
      issuers: [
        {
          type: 'acme',
          name: 'letsencrypt',
          directory: 'https://acme-v02.api.letsencrypt.org/directory',
          challenges: ['http-01', 'tls-alpn-01'],
        },
      ],
    },
    domains: [{ name: 'a.example', upstream: 'us', redirectHttp: false }],
    trustedProxies: [],
    log: { clicks: 'none', sampleEvery: 100 },
    drainMs: 20_000,
    workers: availableParallelism(),
  });
});

t.test('a log file is relative to the configuration', async (t) => {
  const found = settings({ log: { format: 'pretty', file: 'log/linkgate.log', level: 'warn' } });
  t.strictSame(found.log, {
    clicks: 'none',
    sampleEvery: 100,
    level: 'warn',
    format: 'pretty',
    file: '/etc/linkgate/log/linkgate.log',
  });
});

t.test('what stands in front, ceilings and log lines', async (t) => {
  const found = settings({
    listen: { https: { address: ':443', proxyProtocol: ['10.0.0.0/8', '::1'] } },
    trustedProxies: ['192.0.2.1'],
    limits: { headerSize: '32KiB', headerTime: '5s', upstreamQueue: 0 },
    log: { clicks: 'sampled', sampleEvery: 10 },
    domains: [{ name: 'a.example', hsts: '1h' }],
  });
  t.strictSame(found.listen.https, { host: '::', port: 443, proxyProtocol: ['10.0.0.0/8', '::1'] });
  t.strictSame(found.trustedProxies, ['192.0.2.1']);
  t.strictSame(found.limits, { headerBytes: 32_768, headersMs: 5_000, upstreamQueue: 0 });
  t.strictSame(found.log, { clicks: 'sampled', sampleEvery: 10 });
  t.equal(found.domains[0]?.hstsMaxAgeSeconds, 3_600);
  t.equal(settings({ tls: { profile: 'modern' } }).tlsProfile, 'modern');
  t.equal(settings({ tls: { profile: 'intermediate' } }).tlsProfile, undefined);
  t.equal(settings({}).limits, undefined, 'the defaults are not repeated here');
});

t.test('a domain goes to its region, else upstream.url, else upstream.region', async (t) => {
  const domains = [
    { name: 'A.example.' },
    { name: 'b.example', region: 'eu' },
    { name: 'c.example', region: 'us' },
  ];
  const of = (upstream: unknown): (readonly string[])[] =>
    settings({ upstream, domains }).domains.map(({ name, upstream }) => [name, upstream]);
  t.strictSame(of({}), [
    ['a.example', 'us'],
    ['b.example', 'eu'],
    ['c.example', 'us'],
  ]);
  t.strictSame(of({ region: 'eu' }), [
    ['a.example', 'eu'],
    ['b.example', 'eu'],
    ['c.example', 'us'],
  ]);
  t.strictSame(of({ url: 'https://t' }), [
    ['a.example', 'custom'],
    ['b.example', 'eu'],
    ['c.example', 'us'],
  ]);
});

t.test('only the upstreams that are used', async (t) => {
  t.strictSame(settings({ upstream: { region: 'eu' } }).upstreams, [eu]);
  t.strictSame(settings({ upstream: { url: 'https://T.example:8443/' } }).upstreams, [
    { id: 'custom', origin: 'https://t.example:8443', serverName: 't.example' },
  ]);
});

t.test('a region can be somewhere else, and trust something else', async (t) => {
  const upstream = {
    caFile: 'all.pem',
    regions: { eu: { url: 'https://127.0.0.1:1', serverName: 'E.Relay.example', caFile: '../eu.pem' } },
  };
  t.strictSame(
    settings({ upstream, domains: [{ name: 'a.example' }, { name: 'b.example', region: 'eu' }] }).upstreams,
    [
      { ...us, caFile: '/etc/linkgate/all.pem', caPem: 'all' },
      {
        id: 'eu',
        origin: 'https://127.0.0.1:1',
        serverName: 'e.relay.example',
        caFile: '/etc/eu.pem',
        caPem: 'eu',
      },
    ],
  );
});

const storage = (path: string): string =>
  settings({ certificates: { storage: { path } } }).certificates.storage.path;

t.test('relative paths stand from the configuration, ~ is a name like any other', async (t) => {
  t.equal(storage('certs'), '/etc/linkgate/certs');
  t.equal(storage('./../certs'), '/etc/certs');
  t.equal(storage('~/certs'), '/etc/linkgate/~/certs');
  t.equal(storage('/x'), '/x');
});

t.test('issuers keep their order; a directory without a word is named by its host', async (t) => {
  const issuers = [
    {
      type: 'acme',
      directory: 'https://127.0.0.1:14000/dir',
      email: 'a@b.c',
      caFile: 'p.pem',
      challenges: ['http-01', 'http-01'],
    },
    { type: 'local' },
  ];
  t.strictSame(settings({ certificates: { issuers } }).certificates.issuers, [
    {
      type: 'acme',
      name: '127.0.0.1:14000',
      directory: 'https://127.0.0.1:14000/dir',
      email: 'a@b.c',
      challenges: ['http-01'],
      caFile: '/etc/linkgate/p.pem',
    },
    { type: 'local', name: 'local' },
  ]);
});

t.test('settings are frozen to the bottom and survive being sent to another process', async (t) => {
  const made = settings({});
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' ||
    value === null ||
    (Object.isFrozen(value) && Object.values(value).every(frozen));
  t.ok(frozen(made));
  t.strictSame(JSON.parse(JSON.stringify(made)), made);
});

t.test('a key type of a name’s own, from either file', async (t) => {
  const file = { name: 'b.example', redirectHttp: false, keyType: 'rsa-2048', line: 1 } as const;
  const { certificates } = resolveSettings(
    configSchema.parse({ domains: [{ name: 'A.example', keyType: 'ecdsa-p384' }, { name: 'c.example' }] }),
    { domains: [file], universalLinks: new Map(), caFiles: CA_FILES },
    '/etc/linkgate',
  );
  t.strictSame(certificates.keyTypes, { 'a.example': 'ecdsa-p384', 'b.example': 'rsa-2048' });
});
