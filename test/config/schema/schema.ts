import t from 'tap';
import { configSchema } from '../../../src/config/schema/schema.ts';

const messages = (tree: unknown): string[] =>
  configSchema.safeParse(tree).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ??
  [];

t.test('defaults are those of the interface', async (t) => {
  t.strictSame(configSchema.parse({}), {
    listen: { https: '0.0.0.0:443', http: '0.0.0.0:80', admin: '127.0.0.1:9464' },
    upstream: {
      region: 'us',
      connectTimeout: '3s',
      responseTimeout: '15s',
      maxConnections: 128,
      regions: {},
    },
    certificates: {
      storage: { type: 'file', path: '/var/lib/linkgate/certs' },
      keyType: 'ecdsa-p256',
      issuers: [{ type: 'acme', directory: 'letsencrypt', challenges: ['http-01', 'tls-alpn-01'] }],
    },
    domains: [],
    trustedProxies: [],
    tls: { profile: 'intermediate' },
    limits: {},
    log: { clicks: 'none', sampleEvery: 100 },
    drainTimeout: '20s',
    workers: 'auto',
  });
});

t.test('each wrong value gets a message of what it must be', async (t) => {
  for (const [tree, said] of [
    [
      { listen: { https: 443 } },
      'listen.https: must be ADDRESS:PORT, [IPV6]:PORT, :PORT or fd:NAME, or a mapping with address and proxyProtocol, not 443',
    ],
    [
      { listen: { admin: 'localhost:1' } },
      'listen.admin: must be ADDRESS:PORT, [IPV6]:PORT, :PORT or fd:NAME, not "localhost:1"',
    ],
    [{ admin: { tls: { certFile: 'c' } } }, 'admin.tls.keyFile: is missing'],
    [{ admin: { metrics: true } }, 'admin.metrics: must be guarded or open, not true'],
    [{ admin: { tokenfile: 'x' } }, 'admin: unknown key; did you mean tokenFile?'],
    [{ listen: [] }, 'listen: must be a mapping, not a list'],
    [{ listen: null }, 'listen: is empty: give it a value or leave the key out'],
    [{ upstream: { region: 'uk' } }, 'upstream.region: must be us or eu, not "uk"'],
    [
      { upstream: { maxConnections: 1.5 } },
      'upstream.maxConnections: must be a whole number from 1 to 65535, not 1.5',
    ],
    [
      { upstream: { maxConnections: '8' } },
      'upstream.maxConnections: must be a whole number from 1 to 65535, not "8"',
    ],
    [{ upstream: { serverName: '127.0.0.1' } }, 'upstream.serverName: must be a host name, not "127.0.0.1"'],
    [{ upstream: { caFile: '' } }, 'upstream.caFile: must be a path, not ""'],
    [
      { certificates: { keyType: 'rsa' } },
      'certificates.keyType: must be ecdsa-p256, ecdsa-p384 or rsa-2048, not "rsa"',
    ],
    [
      { certificates: { storage: { type: 'redis' } } },
      'certificates.storage.type: must be file, not "redis"',
    ],
    [{ certificates: { issuers: [] } }, 'certificates.issuers: names no issuer: give at least one'],
    [{ certificates: { issuers: [{}] } }, 'certificates.issuers.0.type: is missing'],
    [
      { certificates: { issuers: [{ type: 'x' }] } },
      'certificates.issuers.0.type: must be acme or local, not "x"',
    ],
    [{ certificates: { issuers: ['local'] } }, 'certificates.issuers.0: must be a mapping, not "local"'],
    [
      { certificates: { issuers: [{ type: 'acme', challenges: ['tls-sni-01'] }] } },
      'certificates.issuers.0.challenges.0: must be http-01, tls-alpn-01 or dns-01, not "tls-sni-01"',
    ],
    [
      { domains: [{ name: 'a', keyType: 'rsa' }] },
      'domains.0.keyType: must be ecdsa-p256, ecdsa-p384 or rsa-2048, not "rsa"',
    ],
    [
      { certificates: { issuers: [{ type: 'acme', email: 'a, b' }] } },
      'certificates.issuers.0.email: must be one e-mail address, not "a, b"',
    ],
    [{ domains: [{}] }, 'domains.0.name: is missing'],
    [
      { domains: [{ name: 'a', redirectHttp: 'no' }] },
      'domains.0.redirectHttp: must be true or false, not "no"',
    ],
    [{ domains: {} }, 'domains: must be a list, not a mapping'],
    [{ drainTimeout: '0s' }, 'drainTimeout: must be a duration from 1s to 10m such as 20s, not "0s"'],
    [{ drainTimeout: '11m' }, 'drainTimeout: must be a duration from 1s to 10m such as 20s, not "11m"'],
    [{ tls: { profile: 'old' } }, 'tls.profile: must be intermediate, compatible or modern, not "old"'],
    [{ workers: 0 }, 'workers: must be auto or a whole number from 1 to 256, not 0'],
    [{ workers: 257 }, 'workers: must be auto or a whole number from 1 to 256, not 257'],
    [{ workers: 'all' }, 'workers: must be auto or a whole number from 1 to 256, not "all"'],
    [{ domainsfile: 'x' }, ': unknown key; did you mean domainsFile?'],
    [{ upstream: { regions: { uk: {} } } }, 'upstream.regions: unknown key; did you mean us?'],
  ] as const) {
    t.strictSame(messages(tree), [said]);
  }
});

t.test('all of several mistakes are reported', async (t) => {
  t.equal(messages({ a: 1, b: 2, listen: { https: 1, c: 1 }, workers: 0, domains: [{ x: 1 }] }).length, 6);
});

const wrongDuration = (connectTimeout: string): number => messages({ upstream: { connectTimeout } }).length;

t.test('durations', async (t) => {
  for (const good of ['1ms', '250ms', '5s', '2m', '1h']) t.equal(wrongDuration(good), 0, good);
  for (const bad of ['', '0s', '5', '5 s', '-1s', '1.5s', '2h', '99999999d', '5S'])
    t.equal(wrongDuration(bad), 1, bad);
});

const wrongUrl = (url: string): number => messages({ upstream: { url } }).length;

t.test('an upstream address is https and a host, nothing else', async (t) => {
  for (const good of [
    'https://h',
    'https://h/',
    'https://H.example:8443',
    'https://127.0.0.1:1',
    'https://[::1]:1',
  ]) {
    t.equal(wrongUrl(good), 0, good);
  }
  for (const bad of [
    '',
    'h',
    'http://h',
    'https://',
    'https://h/p',
    'https://h/.',
    'https://h?q',
    'https://h/#f',
    'https://h/?',
    'https://u@h',
    'https://u:p@h',
    'https://@h',
    'https://h:0',
    'https://h:99999',
    'https:h',
    'https:\\\\h',
    ' https://h',
    'https://h\n',
    'https://h\t.example',
  ]) {
    t.equal(wrongUrl(bad), 1, JSON.stringify(bad));
  }
});

const wrongDirectory = (directory: string): number =>
  messages({ certificates: { issuers: [{ type: 'acme', directory }] } }).length;

t.test('a directory is a word or an https URL', async (t) => {
  for (const good of [
    'letsencrypt',
    'letsencrypt-staging',
    'zerossl',
    'google',
    'https://127.0.0.1:14000/dir',
    'https://ca/d?x=1',
  ]) {
    t.equal(wrongDirectory(good), 0, good);
  }
  for (const bad of [
    'LetsEncrypt',
    'toString',
    '__proto__',
    'http://ca/d',
    'https://u@ca/d',
    'https://ca/d#f',
  ]) {
    t.equal(wrongDirectory(bad), 1, bad);
  }
});
