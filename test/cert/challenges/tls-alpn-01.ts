import { X509Certificate } from 'node:crypto';
import t from 'tap';
import {
  createAnswerTlsChallenge,
  createChallengeCertificate,
  createTlsSolver,
} from '../../../src/cert/challenges/tls-alpn-01.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { challengeCertificateFault } from '../../helpers/acme-ca/validate.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { recorder } from '../../helpers/recorder.ts';

const forever = new AbortController().signal;
const name = 'links.example.com';
const open = { name, token: 'token', keyAuthorization: 'token.thumb', keyType: 'ecdsa-p256' } as const;

t.test(
  'a challenge certificate is what RFC 8737 asks for, whatever the key and the length of the name',
  async (t) => {
    const longest = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(49)}.example.com`;
    for (const keyType of ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048'] as const) {
      for (const one of [name, longest]) {
        const nowMs = Date.UTC(2026, 5, 1);
        const { chainPem } = await createChallengeCertificate(one, { ...open, keyType, nowMs });
        const certificate = new X509Certificate(chainPem);
        t.equal(challengeCertificateFault(certificate.raw, { ...open, name: one }), undefined);
        t.match(
          challengeCertificateFault(certificate.raw, { name: one, keyAuthorization: 'other' }),
          'digest of something else',
        );
        t.ok(Date.parse(certificate.validFrom) < nowMs && nowMs < Date.parse(certificate.validTo));
      }
    }
  },
);

const setUp = () => {
  const storage = createMemoryStorage();
  const clock = fakeClock();
  const { emit, of } = recorder();
  const asked: string[] = [];
  const watched = {
    ...storage,
    read: (key: string) => {
      asked.push(key);
      return storage.read(key);
    },
  };
  const answer = createAnswerTlsChallenge({
    storage: watched,
    isServed: (one) => one === name,
    clock,
    emit,
  });
  return { storage, clock, answer, asked, of };
};

t.test('what one process presents another one answers, until it is taken away', async (t) => {
  const { storage, clock, answer } = setUp();
  t.equal(await answer(name), undefined);
  const cleanUp = await createTlsSolver({ storage, clock }).present(open, forever);
  const found = await answer('Links.Example.COM.');
  t.ok(found?.challenge);
  t.not(found?.challenge, found?.placeholder);
  t.equal((await answer(name))?.placeholder, found?.placeholder, 'made once');
  await cleanUp();
  t.equal(await answer(name), undefined);
  t.same(await storage.list('challenges'), []);
});

t.test('strangers cost no look at the storage', async (t) => {
  const { answer, asked } = setUp();
  for (const one of [
    'other.example.com',
    '',
    '..',
    '../certificates/links.example.com.pem',
    'x'.repeat(300),
  ]) {
    t.equal(await answer(one), undefined);
  }
  t.same(asked, []);
});

t.test('what cannot be read or used is told, and is no challenge', async (t) => {
  const { storage, answer, of } = setUp();
  await storage.write(`challenges/tls-alpn-01/${name}`, 'no PEM');
  t.equal(await answer(name), undefined);
  t.equal(of('storage.failed').length, 1);
});
