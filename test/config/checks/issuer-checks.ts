import t, { type Test } from 'tap';
import { checkIssuers } from '../../../src/config/checks/issuer-checks.ts';
import { valueAt } from '../../../src/config/checks/checks.ts';
import { formatPath } from '../../../src/config/text/problems.ts';
import { configFiles } from '../../helpers/config-files.ts';

const HMAC = 'c2l4dGVlbiBvY3RldHMgb3IgbW9yZQ';

const check = async (t: Test, issuers: unknown): Promise<string[]> => {
  const { folder, write } = configFiles(t);
  write('hmac', `${HMAC}\n`);
  write('words', 'this is a secret, not a key');
  write('empty', '');
  const said: string[] = [];
  await checkIssuers({
    valueAt: (path) => valueAt({ certificates: { issuers } }, path),
    directory: folder,
    report: (path, message) => said.push(`${formatPath(path)}: ${message.replaceAll(folder, '')}`),
  });
  return said;
};

const acme = (more: object): object => ({ type: 'acme', ...more });

t.test('nothing to say about good issuers, and nothing but shape about wrong ones', async (t) => {
  const good = [
    acme({}),
    { type: 'local' },
    acme({ directory: 'google', eab: { keyId: 'k', hmacKeyFile: 'hmac' } }),
    acme({ challenges: ['dns-01'], dns: { type: 'rfc2136', keyFile: 'hmac' } }),
    acme({ challenges: ['http-01', 'dns-01'], dns: { type: 'exec', command: ['./x'] } }),
  ];
  t.same(await check(t, good), []);
  for (const odd of [undefined, null, 'x', {}, [null, 7, { eab: 7, dns: [] }]]) {
    t.match(await check(t, odd), []);
  }
});

t.test('a key that is missing next to another one', async (t) => {
  const said = await check(t, [
    acme({ directory: 'zerossl' }),
    acme({ challenges: ['http-01', 'dns-01'] }),
    acme({ challenges: ['http-01'], dns: { type: 'exec' } }),
  ]);
  t.same(said, [
    'certificates.issuers[0].directory: "zerossl" needs external account binding: give eab next to it',
    'certificates.issuers[1].challenges: has dns-01: give dns next to it, which says where to put the records',
    'certificates.issuers[2].dns: needs dns-01 among the challenges',
  ]);
});

t.test('a secret that cannot be used is named, not shown', async (t) => {
  const dns = (keyFile: string) => acme({ challenges: ['dns-01'], dns: { type: 'rfc2136', keyFile } });
  const said = await check(t, [
    acme({ eab: { keyId: 'k', hmacKeyFile: 'nowhere' } }),
    acme({ eab: { keyId: 'k', hmacKeyFile: 'words' } }),
    dns('words'),
    dns('empty'),
  ]);
  t.same(said, [
    'certificates.issuers[0].eab.hmacKeyFile: "/nowhere" does not exist',
    'certificates.issuers[1].eab.hmacKeyFile: "/words" does not hold an HMAC key in base64url',
    'certificates.issuers[2].dns.keyFile: "/words" does not hold a secret in base64',
    'certificates.issuers[3].dns.keyFile: "/empty" does not hold a secret in base64',
  ]);
});
