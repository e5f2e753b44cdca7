import t from 'tap';
import {
  acmeAccount,
  directorySlug,
  publishThumbprint,
  readThumbprint,
} from '../../../src/cert/acme/account.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { withUnreadable } from '../../helpers/unreadable.ts';

const directory = 'https://acme-v02.api.letsencrypt.org/directory';
const signal = new AbortController().signal;

t.test('the slug is readable and different for two directories of one host', async (t) => {
  t.match(directorySlug(directory), /^acme-v02\.api\.letsencrypt\.org-[0-9a-f]{12}$/);
  t.not(directorySlug('https://localhost:14000/a'), directorySlug('https://localhost:14000/b'));
  t.match(directorySlug('https://[::1]:14000/a'), /^[a-z0-9._-]+$/);
});

t.test('many callers at once register one account, and it is kept', async (t) => {
  const storage = createMemoryStorage();
  const keys: string[] = [];
  const register = async (keyPem: string): Promise<string> => {
    keys.push(keyPem);
    return `https://ca/account/${keys.length}`;
  };
  const options = { storage, directory, register, signal };
  const accounts = await Promise.all(Array.from({ length: 5 }, () => acmeAccount(options)));
  t.equal(keys.length, 1);
  t.same(new Set(accounts.map(({ url }) => url)), new Set(['https://ca/account/1']));
  t.same(await acmeAccount(options), accounts[0]);
  t.same(await storage.list('accounts'), [`accounts/${directorySlug(directory)}.json`]);
  await acmeAccount({ ...options, directory: 'https://other.example/dir' });
  t.equal(new Set(keys).size, 2, 'each directory has its own');
});

t.test('the key of a process that died before the registration is used', async (t) => {
  const storage = createMemoryStorage();
  const keys: string[] = [];
  const dying = async (keyPem: string): Promise<string> => {
    keys.push(keyPem);
    throw new Error('killed');
  };
  const options = { storage, directory, signal };
  await t.rejects(
    acmeAccount({ ...options, register: dying }).then(() => undefined),
    { message: 'killed' },
  );
  const register = async (keyPem: string): Promise<string> => {
    keys.push(keyPem);
    return 'https://ca/account/1';
  };
  const account = await acmeAccount({ ...options, register });
  t.equal(keys[0], keys[1]);
  t.equal(account.keyPem, keys[0]);
});

t.test('an account that the CA does not know is registered again, once', async (t) => {
  const storage = createMemoryStorage();
  let registered = 0;
  const register = async (): Promise<string> => `https://ca/account/${(registered += 1)}`;
  const options = { storage, directory, register, signal };
  const { url, keyPem } = await acmeAccount(options);
  const renewed = await Promise.all([acmeAccount(options, url), acmeAccount(options, url)]);
  t.same(
    renewed.map((account) => account.url),
    ['https://ca/account/2', 'https://ca/account/2'],
  );
  t.equal(renewed[0]?.keyPem, keyPem);
  t.equal(registered, 2);
});

const register = async (): Promise<string> => 'https://ca/account/1';

t.test('a record without a key is replaced', async (t) => {
  for (const text of ['', '{', 'null', '{"url":"https://ca/1"}']) {
    const storage = createMemoryStorage();
    await storage.write(`accounts/${directorySlug(directory)}.json`, text);
    t.match(await acmeAccount({ storage, directory, register, signal }), {
      url: 'https://ca/account/1',
      keyPem: /PRIVATE KEY/,
    });
  }
});

t.test('the thumbprint of the account is public, and written when it differs', async (t) => {
  const storage = createMemoryStorage();
  const account = await acmeAccount({ storage, directory, register, signal });
  t.equal(await readThumbprint(storage, directory), undefined);
  await publishThumbprint(storage, directory, account);
  const thumbprint = await readThumbprint(storage, directory);
  t.match(thumbprint, /^[\w-]{43}$/);
  t.notOk(account.keyPem.includes(thumbprint ?? ''));
  const key = `thumbprints/${directorySlug(directory)}`;
  const quiet = { ...storage, write: () => Promise.reject(new Error('written')) };
  await publishThumbprint(quiet, directory, account);
  await storage.write(key, 'what a person wrote');
  t.equal(await readThumbprint(storage, directory), undefined);
});

t.test('an account that cannot be read is made again, so that names are renewed', async (t) => {
  const memory = createMemoryStorage();
  const first = { storage: memory, directory, signal, register: async () => 'https://ca/account/1' };
  await acmeAccount(first);
  await publishThumbprint(memory, directory, await acmeAccount(first));
  const storage = withUnreadable(memory, () => true);
  t.equal(await readThumbprint(storage, directory), undefined);
  const account = await acmeAccount({ ...first, storage, register: async () => 'https://ca/account/2' });
  t.equal(account.url, 'https://ca/account/2');
  await publishThumbprint(storage, directory, account);
  t.not(await readThumbprint(storage, directory), undefined);
});
