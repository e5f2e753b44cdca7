import t from 'tap';
import { ContextCache } from '../../../src/cert/serving/context-cache.ts';
import { createHandshake } from '../../../src/cert/serving/handshake.ts';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import { createCertificateStore } from '../../../src/cert/state/store.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import { createFileStorage } from '../../../src/storage/file.ts';
import { recorder } from '../../helpers/recorder.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { tlsHandshake } from '../../helpers/tls-handshake.ts';

const isServed = (name: string): boolean => name.endsWith('.example.com');

const forever = new AbortController().signal;

t.test('a browser gets the stored certificate, and the new one after a renewal', async (t) => {
  const storage = createFileStorage({ path: tempDir(t), clock: systemClock });
  const store = createCertificateStore({ storage });
  const issuer = createLocalIssuer({ storage, keyType: 'ecdsa-p256', clock: systemClock });
  const { emit, of } = recorder();
  const cache = new ContextCache({ store, clock: systemClock, emit, maxContexts: 10 });
  const handshake = createHandshake({ cache, isServed, emit });
  const ca = await issuer.rootPem(forever);
  const issue = async () =>
    store.write('links.example.com', {
      ...(await issuer.obtain('links.example.com', forever)),
      source: 'local',
      issuer: 'local',
    });

  const first = await issue();
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const peer = await tlsHandshake(t, { handshake, servername: 'LINKS.example.com', ca, version });
    t.equal(peer.serialNumber.toLowerCase(), first.serial);
  }
  const second = await issue();
  await cache.refresh('links.example.com');
  const peer = await tlsHandshake(t, { handshake, servername: 'links.example.com', ca });
  t.equal(peer.serialNumber.toLowerCase(), second.serial);
  t.same(
    of('context.looked').map(({ result }) => result),
    ['miss', 'hit', 'hit'],
  );

  for (const servername of ['unknown.example.net', 'pending.example.com']) {
    await t.rejects(
      tlsHandshake(t, { handshake, servername, ca }).then(() => undefined),
      { code: /^ERR_SSL/ },
      `${servername}: the handshake ends with an alert`,
    );
  }
});

t.test('an unknown name never reaches the cache', async (t) => {
  const { emit, of } = recorder();
  const handshake = createHandshake({
    cache: { lookup: t.fail as () => never },
    isServed: () => false,
    emit,
  });
  for (const servername of ['', 'x', '..', 'a'.repeat(300), '\0']) t.equal(handshake(servername), undefined);
  t.equal(of('context.looked').filter(({ result }) => result === 'absent').length, 5);
});

t.test('it returns and does not throw, whatever fails below', async (t) => {
  const { emit, of } = recorder();
  const throwing = createHandshake({
    cache: {
      lookup: () => {
        throw new Error('broken');
      },
    },
    isServed,
    emit,
  });
  const rejecting = createHandshake({
    cache: { lookup: () => Promise.reject(new Error('broken')) },
    isServed,
    emit,
  });
  t.equal(throwing('links.example.com'), undefined);
  t.equal(await rejecting('links.example.com'), undefined);
  t.same(of('context.looked'), [{ result: 'failed' }, { result: 'failed' }]);
});
