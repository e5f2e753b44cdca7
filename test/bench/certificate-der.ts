import { createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import t from 'tap';
import { certificateDer, pemOf } from '../../bench/certificate-der.ts';

const DAY_MS = 86_400_000;

const newKey = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, publicKey, spkiDer: publicKey.export({ type: 'spki', format: 'der' }) };
};

t.test('a CA and a leaf that hold for Node', async (t) => {
  const [ca, leaf] = [newKey(), newKey()];
  const notBeforeMs = Date.parse('2026-11-01T10:20:30Z');
  const common = { issuer: 'a root', signer: ca.privateKey, notBeforeMs, notAfterMs: notBeforeMs + DAY_MS };
  const root = new X509Certificate(
    certificateDer({ ...common, serial: 1, subject: 'a root', spkiDer: ca.spkiDer }),
  );
  const name = 'links.d000001.example';
  const der = certificateDer({ ...common, serial: 77, subject: '', spkiDer: leaf.spkiDer, name });
  const certificate = new X509Certificate(pemOf('CERTIFICATE', der));

  t.ok(root.ca);
  t.ok(root.verify(ca.publicKey));
  t.ok(certificate.verify(ca.publicKey));
  t.ok(certificate.checkIssued(root));
  t.notOk(certificate.ca);
  t.ok(certificate.checkPrivateKey(leaf.privateKey));
  t.equal(certificate.checkHost(name), name);
  t.equal(certificate.checkHost('links.d000002.example'), undefined);
  t.equal(Date.parse(certificate.validFrom), notBeforeMs);
  t.equal(Date.parse(certificate.validTo), notBeforeMs + DAY_MS);
  t.match(certificate.serialNumber, /4D$/);
});

t.test('PEM in lines of 64', async (t) => {
  const { privateKey } = newKey();
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const der = createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' });
  t.equal(pemOf('PRIVATE KEY', der), pem);
});
