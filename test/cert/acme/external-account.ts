import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readExternalAccount } from '../../../src/cert/acme/external-account.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

t.test('without a binding in the settings there is none', async (t) => {
  t.equal(await readExternalAccount(undefined), undefined);
});

t.test('the key is read from its file, without spaces around it', async (t) => {
  const hmacKeyFile = join(tempDir(t), 'hmac');
  writeFileSync(hmacKeyFile, ' zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W \n');
  t.same(await readExternalAccount({ keyId: 'kid-1', hmacKeyFile }), {
    kid: 'kid-1',
    hmacKey: 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W',
  });
});

t.test('a file that is missing, or holds no key, is named; its content is not', async (t) => {
  const hmacKeyFile = join(tempDir(t), 'hmac');
  await t.rejects(readExternalAccount({ keyId: 'kid-1', hmacKeyFile }), {
    code: 'ERR_ACME_REFUSED',
    message: `eab.hmacKeyFile "${hmacKeyFile}" cannot be read`,
    cause: Error,
  });
  writeFileSync(hmacKeyFile, 'this is not base64url!');
  await t.rejects(readExternalAccount({ keyId: 'kid-1', hmacKeyFile }), {
    message: `eab.hmacKeyFile "${hmacKeyFile}" holds no base64url key`,
  });
});
