import t from 'tap';
import { admin, adminOf } from '../../../src/config/schema/admin-schema.ts';

const wrong = (tree: unknown): string[] =>
  admin()
    .safeParse(tree)
    .error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? [];

t.test('nothing said is nothing set', async (t) => {
  t.strictSame(adminOf(admin().parse(undefined), String), {});
  t.strictSame(adminOf(admin().parse({}), String), { admin: {} });
});

t.test('files stand from the folder of the configuration, names in lower case', async (t) => {
  const written = {
    tokenFile: 'token',
    tls: {
      certFile: 'c',
      keyFile: 'k',
      clientCaFile: 'ca',
      clientCertFile: 'cc',
      clientKeyFile: 'ck',
    },
    metrics: 'open',
    hosts: ['Proxy.Internal', 'worker-1'],
  };
  t.strictSame(
    adminOf(admin().parse(written), (path) => `/x/${path}`),
    {
      admin: {
        tokenFile: '/x/token',
        tls: {
          certFile: '/x/c',
          keyFile: '/x/k',
          clientCaFile: '/x/ca',
          clientCertFile: '/x/cc',
          clientKeyFile: '/x/ck',
        },
        metrics: 'open',
        hosts: ['proxy.internal', 'worker-1'],
      },
    },
  );
});

t.test('a name is a host without scheme, port and wildcard, and no address', async (t) => {
  for (const host of ['', 'a:80', 'http://a', '*.a', 'a b', 'a/', '127.0.0.1', '::1', 'a..b', '.a']) {
    t.strictSame(wrong({ hosts: [host] }), [
      `hosts.0: must be a host name without a port, not ${JSON.stringify(host)}`,
    ]);
  }
  t.strictSame(wrong({ hosts: Array.from({ length: 33 }, (_, i) => `h${i}`) }), [
    'hosts: has more than 32 names',
  ]);
});
