import t from 'tap';
import { createIssuers } from '../../src/app/issuers.ts';
import { systemClock } from '../../src/core/clock.ts';
import { createMemoryStorage } from '../../src/storage/memory.ts';

t.test('one issuer an entry, in order', async (t) => {
  const directory = 'https://ca.example.net/dir';
  const issuers = createIssuers(
    {
      storage: { type: 'file', path: '/nowhere' },
      keyType: 'ecdsa-p256',
      issuers: [
        { type: 'acme', name: 'ca.example.net', directory, challenges: ['http-01'] },
        { type: 'local', name: 'local' },
      ],
    },
    createMemoryStorage(),
    systemClock,
  );
  t.match(issuers, [
    { source: 'acme', issuer: 'ca.example.net', directory },
    { source: 'local', issuer: 'local' },
  ]);
  const made = await issuers[1]?.obtain('links.example.com', new AbortController().signal);
  t.match(made?.chainPem, 'BEGIN CERTIFICATE', 'made with the key type and storage given');
});
