import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { DEFAULTS, PROBLEMS } from '../../../src/cli/init/init-answers.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

t.test('what is wrong with an answer, in one line', async (t) => {
  const file = join(tempDir(t), 'linkgate.yaml');
  writeFileSync(file, '');
  for (const [kind, good, bad, said] of [
    ['region', 'eu', 'uk', 'region "uk" is not us or eu'],
    ['domain', 'links.example.com', 'links_example', /^domain "links_example" is not a domain name/],
    ['email', 'ops@example.com', 'ops', 'e-mail "ops" is not one e-mail address'],
    ['email', '', 'a b@c', /not one/],
    ['directory', 'letsencrypt', 'zerossl', 'CA "zerossl" is not letsencrypt or letsencrypt-staging'],
    ['storage', '/x', '', 'storage is empty'],
    ['file', `${file}.new`, file, /exists already, and is not overwritten$/],
    ['file', `${file}.new`, '', 'configuration file is empty'],
  ] as const) {
    t.equal(PROBLEMS[kind](good), undefined);
    t.match(PROBLEMS[kind](bad), said);
  }
  t.equal(PROBLEMS.directory(DEFAULTS.directory), undefined);
  t.match(DEFAULTS.file(), /linkgate\.yaml$/);
  t.match(DEFAULTS.storage(), /certs$/);
});
