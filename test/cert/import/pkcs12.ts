import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import { decodePkcs12, encodePkcs12 } from '../../../src/cert/import/pkcs12.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { needs } from '../../helpers/needs.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const forever = new AbortController().signal;
const name = 'links.example.com';

for (const keyType of ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048'] as const) {
  const ca = createLocalIssuer({ storage: createMemoryStorage(), keyType, clock: fakeClock(Date.now()) });
  const leaf = await ca.obtain(name, forever);
  const made = { keyPem: leaf.keyPem, chainPem: leaf.chainPem + (await ca.rootPem(forever)) };

  t.test(`${keyType}: what is written is read again`, async (t) => {
    const pfx = encodePkcs12(made, 'pass wörd', name);
    t.same(decodePkcs12(pfx, 'pass wörd'), made);
    t.notOk(pfx.toString('binary').includes('PRIVATE KEY'));
    t.throws(() => decodePkcs12(pfx, 'password'), {
      code: 'ERR_CERT_INVALID',
      message: 'PKCS#12 file cannot be opened with this password',
    });
  });

  t.test(`${keyType}: OpenSSL and linkgate read each other's`, { skip: needs('openssl') }, async (t) => {
    const folder = tempDir(t);
    const ours = join(folder, 'ours.pfx');
    writeFileSync(ours, encodePkcs12(made, 'secret', name), { mode: 0o600 });
    const openssl = (...args: readonly string[]): string =>
      execFileSync('openssl', args, { encoding: 'utf8' });
    const shown = openssl('pkcs12', '-in', ours, '-passin', 'pass:secret', '-nodes');
    t.match(shown, /friendlyName: links\.example\.com/);
    t.equal(shown.split('BEGIN CERTIFICATE').length, 3);
    t.match(shown, made.keyPem.trim().split('\n')[1] ?? 'no key');

    const [pem, theirs] = [join(folder, 'made.pem'), join(folder, 'theirs.pfx')];
    writeFileSync(pem, made.keyPem + made.chainPem, { mode: 0o600 });
    openssl('pkcs12', '-export', '-in', pem, '-out', theirs, '-passout', 'pass:secret');
    const read = decodePkcs12(readFileSync(theirs), 'secret');
    t.equal(read.keyPem, made.keyPem);
    t.equal(read.chainPem.split('BEGIN CERTIFICATE').length, 3);
  });
}

t.test('a file that is no PKCS#12 is an error', async (t) => {
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.from('-----BEGIN CERTIFICATE-----'),
    Buffer.from([0x30, 3, 2, 1, 3]),
  ]) {
    t.throws(() => decodePkcs12(bytes, ''), {
      code: 'ERR_CERT_INVALID',
      message: /^PKCS#12 file cannot be read/,
    });
  }
});
