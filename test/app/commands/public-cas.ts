import t from 'tap';
import { publicCas } from '../../../src/app/commands/public-cas.ts';
import { localSettings } from '../../helpers/settings.ts';

t.test('public CAs by their names in CAA records, private ones not at all', async (t) => {
  const { certificates } = localSettings(t);
  t.strictSame(publicCas(certificates), []);
  const acme = { type: 'acme', name: 'x', challenges: ['http-01'] } as const;
  const issuers = [
    { ...acme, directory: 'https://acme-v02.api.letsencrypt.org/directory' },
    { ...acme, directory: 'https://ca.internal/dir' },
  ];
  t.strictSame(publicCas({ ...certificates, issuers }), [
    { identities: ['letsencrypt.org'], methods: ['http-01'] },
  ]);
});
