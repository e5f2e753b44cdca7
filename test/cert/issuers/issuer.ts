// The contract of an issuer, run on both kinds.

import { X509Certificate } from 'node:crypto';
import t, { type Test } from 'tap';
import { checkCertificate } from '../../../src/cert/certificate/certificate.ts';
import { AcmeIssuer } from '../../../src/cert/acme/acme-issuer.ts';
import type { Issuer } from '../../../src/cert/issuers/issuer.ts';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import type { KeyType } from '../../../src/core/settings.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { challengeServer } from '../../helpers/challenge-server.ts';
import { needs } from '../../helpers/needs.ts';
import { pebble } from '../../helpers/pebble.ts';

interface Subject {
  readonly create: (keyType: KeyType) => Issuer;
  readonly root: () => Promise<string>;
}

const KEYS = { 'ecdsa-p256': 'prime256v1', 'ecdsa-p384': 'secp384r1', 'rsa-2048': 2048 } as const;
const forever = new AbortController().signal;

const contract = async (t: Test, { create, root }: Subject): Promise<void> => {
  for (const keyType of ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048'] as const) {
    const issuer = create(keyType);
    const issued = await issuer.obtain('links.example.com', forever);
    const { notAfterMs } = checkCertificate('links.example.com', issued);
    t.ok(notAfterMs > Date.now(), `${keyType}: valid, for the name and the key`);
    const leaf = new X509Certificate(issued.chainPem);
    const details = leaf.publicKey.asymmetricKeyDetails;
    t.equal(details?.namedCurve ?? details?.modulusLength, KEYS[keyType]);
    const again = await issuer.obtain('links.example.com', forever);
    t.not(again.keyPem, issued.keyPem, 'a new key for each certificate');
    const blocks = issued.chainPem
      .split(/(?<=-----END CERTIFICATE-----\n)/)
      .filter((block) => block.trim() !== '');
    const chain = [...blocks, await root()].map((block) => new X509Certificate(block));
    chain.slice(0, -1).forEach((certificate, index) => {
      const signer = chain[index + 1];
      t.ok(
        signer !== undefined && certificate.verify(signer.publicKey),
        'each is signed by the next, up to the root',
      );
    });
  }
  await t.rejects(
    create('ecdsa-p256')
      .obtain('links.example.com', AbortSignal.abort(new Error('stopping')))
      .then(() => undefined),
    { message: 'stopping' },
    'nothing is issued once it was stopped',
  );
};

t.test('local', async (t) => {
  const storage = createMemoryStorage();
  const create = (keyType: KeyType) => createLocalIssuer({ storage, keyType, clock: systemClock });
  await contract(t, {
    create,
    root: () => create('ecdsa-p256').rootPem(forever),
  });
});

t.test('acme', { skip: needs('pebble') }, async (t) => {
  const storage = createMemoryStorage();
  const ca = await pebble(t, { httpPort: await challengeServer(t, storage) });
  const { directory, caFile } = ca;
  await contract(t, {
    create: (keyType) =>
      new AcmeIssuer({
        settings: { type: 'acme', name: 'pebble', directory, caFile, challenges: ['http-01'] },
        keyType,
        storage,
        clock: systemClock,
      }),
    root: () => ca.roots(),
  });
});
