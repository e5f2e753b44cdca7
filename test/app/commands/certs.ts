import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openCerts } from '../../../src/app/commands/certs.ts';
import { createPki } from '../../helpers/pki.ts';
import { localSettings } from '../../helpers/settings.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const { signal } = new AbortController();
const name = 'links.example.com';

t.test('files in, files out', async (t) => {
  const folder = tempDir(t);
  const pki = createPki();
  const { keyPem, chainPem } = pki.leaf([name]);
  const certs = openCerts(localSettings(t), signal);
  await t.rejects(certs.list(), { code: 'ERR_STORAGE_UNAVAILABLE' }, 'looking makes nothing');
  const given = join(folder, 'given');
  mkdirSync(given);
  writeFileSync(join(given, `${name}.pem`), chainPem + keyPem);
  writeFileSync(join(given, 'broken.example.com.pem'), 'x');
  writeFileSync(join(given, 'README'), 'x');
  t.match(await certs.importFolder(given), [
    { domain: 'broken.example.com', problem: { code: 'ERR_CERT_UNKNOWN_NAME' } },
    { domain: name, status: { state: 'live', source: 'import' } },
  ]);
  t.match(await certs.show('LINKS.example.com.'), { domain: name, source: 'import' });
  const pem = await certs.exportTo(name, folder);
  t.equal(pem, join(folder, `${name}.pem`));
  t.ok(readFileSync(pem, 'utf8').includes('PRIVATE KEY'));
  const [cert, key] = [join(folder, 'cert'), join(folder, 'key')];
  writeFileSync(cert, chainPem);
  writeFileSync(key, keyPem);
  t.match(await certs.importPem(name, cert, key), { source: 'import' });
  await t.rejects(certs.importPem(name, cert, `${key}.none`), { code: 'ERR_USAGE' });
  await t.rejects(certs.importFolder(join(folder, 'none')), { code: 'ERR_USAGE' });
  await t.rejects(certs.exportTo(name, join(folder, 'none')), {
    code: 'ERR_USAGE',
    message: /cannot be written/,
  });
  t.match(await certs.issue(name, true), { source: 'local' });
  const pfx = await certs.exportTo(name, folder, 'secret');
  await t.rejects(certs.importPfx(name, pfx, 'wrong'), { code: 'ERR_CERT_INVALID' });
  const root = readFileSync(await certs.exportRoot(join(folder, 'ca.pem')), 'utf8');
  t.match(root, /^-----BEGIN CERTIFICATE-----/);
  t.notMatch(root, 'PRIVATE');
});
