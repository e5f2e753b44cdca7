import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import * as fc from 'fast-check';
import t from 'tap';
import { firstConfig, type FirstAnswers } from '../../src/config/first-config.ts';
import { loadSettings } from '../../src/config/load.ts';
import { isEmailAddress } from '../../src/config/schema/schema.ts';
import { holds } from '../helpers/property.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const answers: FirstAnswers = {
  region: 'eu',
  domains: ['links.example.com', 'clicks.example.net'],
  email: 'ops@example.com',
  storage: '/var/lib/linkgate/certs',
  directory: 'letsencrypt-staging',
};

t.test('commented, and short', async (t) => {
  const text = firstConfig(answers);
  t.match(text, /^ {2}region: eu +# where the Customer\.io account lives/m);
  t.match(text, /^ {2}- name: links\.example\.com\n {2}- name: clicks\.example\.net$/m);
  t.match(text, /letsencrypt-staging +# its certificates are not trusted; change it to letsencrypt/);
  t.match(text, /^ {6}email: ops@example\.com/m);
  t.match(firstConfig({ ...answers, email: '' }), /^ {6}# email: ops@example\.com$/m);
  t.ok(
    text.split('\n').every((line) => line.length <= 120),
    'fits a terminal',
  );
});

t.test('whatever the answers, they are what is loaded', async (t) => {
  const folder = tempDir(t);
  const email = fc
    .tuple(fc.stringMatching(/^[!-?A-~]{1,20}$/), fc.constantFrom('example.com', 'a-b.example'))
    .map(([local, host]) => `${local}@${host}`)
    .filter(isEmailAddress);
  const storage = fc
    .string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 })
    .filter((path) => path.trim() === path);
  const property = fc.asyncProperty(
    email,
    storage,
    fc.constantFrom('us', 'eu'),
    async (mail, path, region) => {
      const file = join(mkdtempSync(join(folder, 'c-')), 'linkgate.yaml');
      writeFileSync(
        file,
        firstConfig({ ...answers, email: mail, storage: `/s/${path}`, region: region as 'us' }),
      );
      const { certificates, domains, upstreams } = await loadSettings(file);
      assert.equal(certificates.storage.path, resolve(`/s/${path}`));
      assert.deepEqual(
        certificates.issuers.map((issuer) => issuer.type === 'acme' && issuer.email),
        [mail],
      );
      assert.deepEqual(
        domains.map(({ name }) => name),
        answers.domains,
      );
      assert.deepEqual(
        upstreams.map(({ id }) => id),
        [region],
      );
    },
  );
  await holds(t, property, 60);
});
