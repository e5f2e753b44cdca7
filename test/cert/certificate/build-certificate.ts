import { X509Certificate } from 'node:crypto';
import t from 'tap';
import { buildCertificate, subjectKeyIdentifier } from '../../../src/cert/certificate/build-certificate.ts';
import { createPrivateKeyPem } from '../../../src/cert/certificate/private-key.ts';

const KEY_TYPES = ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048'] as const;

t.test('any key can sign a certificate for any other, and OpenSSL accepts it', async (t) => {
  const subject = [{ name: 'commonName', value: 'of a test' }];
  for (const signerType of KEY_TYPES) {
    for (const keyType of KEY_TYPES) {
      const [signerPem, keyPem] = [await createPrivateKeyPem(signerType), await createPrivateKeyPem(keyType)];
      const certificate = new X509Certificate(
        buildCertificate({
          subject,
          issuer: subject,
          notBeforeMs: Date.UTC(2026, 0, 1),
          notAfterMs: Date.UTC(2055, 0, 1),
          keyPem,
          signerPem,
          extensions: ({ subject }) => [subjectKeyIdentifier(subject)],
        }),
      );
      const signer = new X509Certificate(
        buildCertificate({
          subject,
          issuer: subject,
          notBeforeMs: Date.UTC(2026, 0, 1),
          notAfterMs: Date.UTC(2055, 0, 1),
          keyPem: signerPem,
          signerPem,
          extensions: ({ subject }) => [subjectKeyIdentifier(subject)],
        }),
      );
      t.ok(certificate.verify(signer.publicKey), `${keyType} by ${signerType}`);
      t.notOk(certificate.verify(certificate.publicKey));
      t.equal(Date.parse(certificate.validTo), Date.UTC(2055, 0, 1));
    }
  }
});
