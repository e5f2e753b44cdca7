import { createPrivateKey } from 'node:crypto';
import t from 'tap';
import { createPrivateKeyPem } from '../../../src/cert/certificate/private-key.ts';

t.test('each type gives its own kind of key, in PKCS#8, never the same twice', async (t) => {
  const ec = createPrivateKey(await createPrivateKeyPem('ecdsa-p256'));
  t.equal(ec.asymmetricKeyDetails?.namedCurve, 'prime256v1');
  const larger = createPrivateKey(await createPrivateKeyPem('ecdsa-p384'));
  t.equal(larger.asymmetricKeyDetails?.namedCurve, 'secp384r1');
  const rsa = await createPrivateKeyPem('rsa-2048');
  t.equal(createPrivateKey(rsa).asymmetricKeyDetails?.modulusLength, 2048);
  t.match(rsa, /^-----BEGIN PRIVATE KEY-----\n/);
  t.not(await createPrivateKeyPem('ecdsa-p256'), await createPrivateKeyPem('ecdsa-p256'));
});
