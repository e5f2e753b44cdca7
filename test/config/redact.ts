import { readdirSync } from 'node:fs';
import t from 'tap';
import type { Test } from 'tap';
import { loadSettings } from '../../src/config/load.ts';
import { effectiveSettings, settingsYaml } from '../../src/config/redact.ts';
import type { Settings } from '../../src/core/settings.ts';
import { SAMPLE_ANDROID_LINKS, SAMPLE_CA_PEM, configFiles } from '../helpers/config-files.ts';

const load = (t: Pick<Test, 'teardown'>, yaml: string): Promise<Settings> => {
  const { write } = configFiles(t);
  write('ca.pem', SAMPLE_CA_PEM);
  write('links.json', SAMPLE_ANDROID_LINKS);
  write('secret', 'c2l4dGVlbiBvY3RldHMgb3IgbW9yZQ');
  return loadSettings(write('c.yaml', yaml));
};

t.test('says what was defaulted, in the words of the configuration', async (t) => {
  const settings = await load(
    t,
    'domains: [{ name: a.example }]\nworkers: 2\nupstream: { responseTimeout: 120s }\n',
  );
  t.strictSame(effectiveSettings(settings), {
    listen: { https: '0.0.0.0:443', http: '0.0.0.0:80', admin: '127.0.0.1:9464' },
    upstream: {
      connectTimeout: '3s',
      responseTimeout: '2m',
      maxConnections: 128,
      regions: { us: { url: 'https://e.customeriomail.com', serverName: 'e.customeriomail.com' } },
    },
    certificates: {
      storage: { type: 'file', path: '/var/lib/linkgate/certs' },
      keyType: 'ecdsa-p256',
      issuers: [{ type: 'acme', directory: 'letsencrypt', challenges: ['http-01', 'tls-alpn-01'] }],
    },
    domains: [{ name: 'a.example', region: 'us', redirectHttp: false }],
    trustedProxies: [],
    tls: { profile: 'intermediate' },
    limits: {},
    log: { clicks: 'none', sampleEvery: 100 },
    drainTimeout: '20s',
    workers: 2,
  });
});

for (const [what, yaml] of [
  ['defaults', 'domains: [{ name: a.example }]'],
  [
    'a custom upstream',
    'upstream: { url: "https://t.example:8443", serverName: x.example, caFile: ca.pem }\ndomains: [{ name: a.example }]',
  ],
  [
    'everything',
    `listen: { https: { address: '[::1]:0', proxyProtocol: [10.0.0.0/8] }, http: ':0', admin: '[::1]:1' }
upstream:
  url: https://127.0.0.1:1
  serverName: one.example
  regions: { eu: { caFile: ca.pem }, us: { url: 'https://[::1]:2', serverName: two.example } }
certificates:
  storage: { path: here }
  keyType: rsa-2048
  issuers:
    - { type: acme, directory: 'https://ca.example/d', email: a@b.c, caFile: ca.pem }
    - { type: acme, directory: letsencrypt-staging }
    - type: acme
      directory: google
      eab: { keyId: k, hmacKeyFile: secret }
      profile: shortlived
      preferredChain: Some Root X1
      challenges: [tls-alpn-01, dns-01]
      dns: { type: rfc2136, server: '[::1]:53', keyName: Key., keyFile: secret, zone: Example.com, resolvers: ['127.0.0.1:53'], propagation: 90s }
    - type: acme
      challenges: [dns-01, http-01]
      dns: { type: exec, command: [./hook, one, two] }
    - { type: local }
domains:
  - { name: a.example, redirectHttp: true, hsts: 30d, universalLinks: { android: links.json } }
  - { name: b.example, region: eu, keyType: ecdsa-p384 }
  - { name: c.example, region: us }
trustedProxies: [192.0.2.0/24, '2001:db8::/32']
limits: { headerSize: 32KiB, writeIdle: 90s, connections: 7 }
log: { clicks: all }
workers: 3`,
  ],
] as const) {
  t.test(`what is printed loads to the same settings: ${what}`, async (t) => {
    const settings = await load(t, yaml);
    const { write } = configFiles(t);
    t.strictSame(await loadSettings(write('again.yaml', settingsYaml(settings))), settings);
    t.strictSame(
      await loadSettings(write('again.json', JSON.stringify(effectiveSettings(settings)))),
      settings,
    );
  });
}

t.test('storage is only named, not made', async (t) => {
  const { folder, write } = configFiles(t);
  const yaml = 'domains: [{ name: a.example }]\ncertificates: { storage: { path: certs } }\n';
  const settings = await loadSettings(write('c.yaml', yaml));
  t.match(settingsYaml(settings), `path: ${folder}/certs`);
  t.strictSame(readdirSync(folder), ['c.yaml']);
});
