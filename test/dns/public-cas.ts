import t from 'tap';
import { caaIdentities, publicCas } from '../../src/dns/public-cas.ts';
import { localSettings } from '../helpers/settings.ts';

t.test('public CAs have their names, others are not judged', async (t) => {
  t.same(caaIdentities('https://acme-v02.api.letsencrypt.org/directory'), ['letsencrypt.org']);
  t.equal(caaIdentities('https://pebble.example/dir'), undefined);
  t.equal(caaIdentities('nonsense'), undefined);
});

t.test('public CAs by their names in CAA records with their accounts, private ones not at all', async (t) => {
  const { certificates } = localSettings(t);
  const none = async () => undefined;
  t.strictSame(await publicCas(certificates, none), []);
  const acme = { type: 'acme', name: 'x', challenges: ['http-01'] } as const;
  const directory = 'https://acme-v02.api.letsencrypt.org/directory';
  const issuers = [
    { ...acme, directory },
    { ...acme, directory: 'https://ca.internal/dir' },
  ];
  const cas = publicCas({ ...certificates, issuers }, async (asked) => `account at ${asked}`);
  const known = { identities: ['letsencrypt.org'], methods: ['http-01'] };
  t.strictSame(await cas, [{ ...known, accountUrl: `account at ${directory}` }]);
  for (const find of [none, () => Promise.reject(new Error('EACCES'))]) {
    t.strictSame(await publicCas({ ...certificates, issuers }, find), [{ ...known, accountUrl: undefined }]);
  }
});
