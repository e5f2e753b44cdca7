import t from 'tap';
import {
  asAuthorization,
  asDirectory,
  asOrder,
  asText,
  checkProfile,
  guarded,
} from '../../../src/cert/acme/acme-objects.ts';
import { LinkgateError } from '../../../src/core/errors.ts';

const nonsense = (what: string) => ({
  code: 'ERR_ACME_UNREACHABLE',
  message: `CA sent ${what} that makes no sense`,
});

t.test('an order keeps its fields, and the problem of the CA', async (t) => {
  const order = { status: 'ready', finalize: 'https://ca/finalize', authorizations: ['https://ca/a'] };
  t.same(asOrder(order, 'https://ca/order'), { url: 'https://ca/order', ...order });
  t.match(asOrder({ ...order, certificate: 'https://ca/c', error: { detail: 'no' } }, 'u'), {
    certificate: 'https://ca/c',
    problem: { detail: 'no' },
  });
});

t.test('an authorization has its name in lower case, and a token or none', async (t) => {
  const challenges = [
    { type: 'http-01', url: 'https://ca/1', token: 'tok' },
    { type: 'dns-account-01', url: 'https://ca/2', token: 7 },
  ];
  const identifier = { type: 'dns', value: 'Links.Example.COM' };
  t.same(asAuthorization({ status: 'pending', identifier, challenges }), {
    status: 'pending',
    name: 'links.example.com',
    challenges: [
      { type: 'http-01', url: 'https://ca/1', token: 'tok' },
      { type: 'dns-account-01', url: 'https://ca/2', token: '' },
    ],
  });
});

t.test('another value is an error of the CA', async (t) => {
  for (const value of [undefined, null, 'text', 7, [], {}]) {
    t.throws(() => asOrder(value, 'u'), nonsense('an order'));
    t.throws(() => asAuthorization(value), nonsense('an authorization'));
    t.throws(() => asText(value === 'text' ? '' : value, 'a certificate'), nonsense('a certificate'));
  }
  for (const value of [undefined, null, 'text', []])
    t.throws(() => asDirectory(value), nonsense('a directory'));
});

t.test('an error of acme-client becomes one of the CA, with its cause; our own passes', async (t) => {
  const cause = new Error('prose');
  await t.rejects(
    guarded('an account', () => Promise.reject(cause)),
    { ...nonsense('an account'), cause },
  );
  const own = new LinkgateError('ERR_ACME_REFUSED', 'refused');
  t.equal(await guarded('an account', () => Promise.reject(own)).catch((error: unknown) => error), own);
});

t.test('a profile that the CA does not have is an error that lists those it has', async (t) => {
  const directory = { meta: { profiles: { classic: 'text', shortlived: 'text' } } };
  t.equal(checkProfile(undefined, directory), undefined);
  t.equal(checkProfile('shortlived', directory), 'shortlived');
  t.throws(() => checkProfile('long', directory), {
    code: 'ERR_ACME_REFUSED',
    message: 'CA has no profile "long": it has classic, shortlived',
  });
  t.throws(() => checkProfile('long', {}), { message: 'CA has no profile "long": it has none' });
});
