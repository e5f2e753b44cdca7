import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { writeConfig } from '../../helpers/linkgate.ts';
import { linkgateCommand } from '../../helpers/linkgate-command.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

t.test('out of one machine and into another that has no configuration', async (t) => {
  const folder = tempDir(t);
  const [here, there] = [join(folder, 'here'), join(folder, 'there')];
  for (const machine of [here, there]) mkdirSync(machine);
  mkdirSync(join(here, 'certs', 'certificates'), { recursive: true, mode: 0o700 });
  writeFileSync(join(here, 'certs', 'certificates', 'links.example.com.pem'), 'key and chain', {
    mode: 0o600,
  });
  const config = writeConfig(here, {
    certificates: { storage: { type: 'file', path: './certs' }, issuers: [{ type: 'local' }] },
    domains: [{ name: 'links.example.com' }],
  });
  const password = join(folder, 'password');
  writeFileSync(password, 'correct horse battery staple\n');
  const file = join(folder, 'backup.age');
  const secret = ['--password-file', password];

  t.match(await linkgateCommand(['storage', 'export', file, '--config', config, ...secret]), {
    status: 0,
    stdout: 'exported: 1 certificates, 0 other values\n',
    stderr: '',
  });
  const target = join(there, 'linkgate.yaml');
  t.match(await linkgateCommand(['storage', 'import', file, '--config', target, ...secret]), {
    status: 0,
    stdout: `written   ${target}\nimported: 1 certificates, 0 other values\n`,
    stderr: '',
  });
  t.equal(
    readFileSync(join(there, 'certs', 'certificates', 'links.example.com.pem'), 'utf8'),
    'key and chain',
  );

  writeFileSync(password, 'short');
  t.match(await linkgateCommand(['storage', 'export', join(folder, 'b'), '--config', config, ...secret]), {
    status: 64,
    stderr: /fewer than 12 characters/,
  });
});
