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
  const hanging: { work?: Promise<readonly string[]> } = {};
  const watched = {
    ...storage,
    read: (key: string) => {
      asked.push(key);
      return storage.read(key);
    },
    list: (prefix: string) => {
      asked.push(prefix);
      return hanging.work ?? storage.list(prefix);
    },
  };
  const answer = createAnswerTlsChallenge({
    storage: watched,
    isServed: (one) => one === name,
    clock,
    emit,
  });
  return { storage, clock, answer, asked, of, hanging };
};

t.test('another process answers what one process presents, until it is removed', async (t) => {
  const { storage, clock, answer } = setUp();
  t.equal(await answer(name), undefined);
  const presenting = createTlsSolver({ storage, clock }).present(open, forever);
  await clock.untilSleeping();
  t.equal(await answer(name), undefined, 'a look may be a moment old');
  await clock.advance(250);
  const cleanUp = await presenting;
  const found = await answer('Links.Example.COM.');
  t.ok(found?.challenge);
  t.not(found?.challenge, found?.placeholder);
  t.equal((await answer(name))?.placeholder, found?.placeholder, 'made once');
  await cleanUp();
  t.equal(await answer(name), undefined);
  t.same(await storage.list('challenges'), []);
});

t.test('names that are not configured cost no read of the storage', async (t) => {
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

t.test('an answer that cannot be read or used is reported, and is no challenge', async (t) => {
  const { storage, answer, of } = setUp();
  await storage.write(`challenges/tls-alpn-01/${name}`, 'no PEM');
  t.equal(await answer(name), undefined);
  t.equal(of('storage.failed').length, 1);
});

t.test('clients of TLS 1.2 cost one listing in 200 ms, not one each', async (t) => {
  const { answer, asked, clock, storage } = setUp();
  await Promise.all(Array.from({ length: 100 }, () => answer(name)));
  t.equal(asked.length, 1);
  await clock.advance(199);
  await answer(name);
  t.equal(asked.length, 1);
  await clock.advance(1);
  await answer(name);
  t.equal(asked.length, 2);
  clock.jump(clock.now() - 86_400_000);
  await storage.write(`challenges/tls-alpn-01/${name}`, 'no PEM');
  await answer(name);
  t.equal(asked.length, 4, 'a clock that goes back hides nothing');
});

t.test('a storage that hangs is asked once, and delays a client by half a second at most', async (t) => {
  const { answer, asked, clock, hanging } = setUp();
  let release: (keys: readonly string[]) => void = () => undefined;
  hanging.work = new Promise((resolve) => (release = resolve));
  const first = answer(name);
  clock.jump(clock.now() + 60_000);
  t.same(await Promise.all([first, answer(name), answer(name)]), [undefined, undefined, undefined]);
  t.equal(asked.length, 1);
  delete hanging.work;
  release([]);
  t.equal(await answer(name), undefined);
  t.equal(asked.length, 2, 'what it said late is not believed');
});
