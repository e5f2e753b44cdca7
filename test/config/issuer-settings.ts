import t from 'tap';
import { acmeExtras, acmeExtrasTree } from '../../src/config/issuer-settings.ts';
import { configSchema } from '../../src/config/schema/schema.ts';

const extras = (more: object) => {
  const { certificates } = configSchema.parse({ certificates: { issuers: [{ type: 'acme', ...more }] } });
  const [issuer] = certificates.issuers;
  if (issuer?.type !== 'acme') throw new Error('no ACME issuer');
  return acmeExtras(issuer, (text) => `/etc/linkgate/${text}`);
};

t.test('nothing given is nothing made', async (t) => {
  t.same(extras({}), {});
  t.same(acmeExtrasTree({}), {});
});

t.test('paths are absolute, names normalized, durations numbers', async (t) => {
  t.same(extras({ eab: { keyId: 'K', hmacKeyFile: 'hmac' }, profile: 'p', preferredChain: 'A Root' }), {
    eab: { keyId: 'K', hmacKeyFile: '/etc/linkgate/hmac' },
    profile: 'p',
    preferredChain: 'A Root',
  });
  const rfc2136 = {
    type: 'rfc2136',
    server: '[::1]:53',
    keyName: 'Key.',
    keyFile: 'k',
    zone: 'Example.COM.',
  };
  t.same(extras({ dns: { ...rfc2136, resolvers: ['127.0.0.1:53'], propagation: '90s' } }), {
    dns: {
      provider: {
        type: 'rfc2136',
        server: { host: '::1', port: 53 },
        keyName: 'key',
        keyFile: '/etc/linkgate/k',
        zone: 'example.com',
      },
      resolvers: [{ host: '127.0.0.1', port: 53 }],
      propagationMs: 90_000,
    },
  });
});

t.test('a program is a path when it has a slash, else a word for $PATH', async (t) => {
  for (const [written, made] of [
    ['./hook', '/etc/linkgate/./hook'],
    ['hook', 'hook'],
  ] as const) {
    t.same(extras({ dns: { type: 'exec', command: [written, './a'] } }), {
      dns: {
        provider: { type: 'exec', command: [made, './a'], timeoutMs: 60_000 },
        resolvers: [],
        propagationMs: 120_000,
      },
    });
  }
});

t.test('said again in the words of the configuration', async (t) => {
  const dns = { type: 'exec', command: ['hook'], timeout: '30s', resolvers: ['[::1]:53'], propagation: '2m' };
  t.same(acmeExtrasTree(extras({ dns })), { dns });
});
