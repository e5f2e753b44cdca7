import t from 'tap';
import { checkCertificate } from '../../../src/cert/certificate.ts';
import { createAcmeIssuer } from '../../../src/cert/issuers/acme.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { acmeCa } from '../../helpers/acme-ca.ts';
import { challengeServer } from '../../helpers/challenge-server.ts';

t.test('the whole corridor', async (t) => {
  const storage = createMemoryStorage();
  const ca = await acmeCa(t, { httpPort: await challengeServer(t, storage), nonceReject: 30 });
  const issuer = createAcmeIssuer({
    settings: { type: 'acme', name: 'x', directory: ca.directory, caFile: ca.caFile, challenges: ['http-01'] },
    keyType: 'ecdsa-p256',
    storage,
    clock: systemClock,
  });
  const got = await issuer.obtain('links.example.com', new AbortController().signal);
  checkCertificate('links.example.com', got);
  t.equal(ca.orders().length, 1);
});
