// tls-alpn-01 from order to certificate, against both CAs, at a listener that serves clients all the while.

import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type SecureContext, type TLSSocket } from 'node:tls';
import t, { type Test } from 'tap';
import { ContextCache } from '../../../../src/cert/serving/context-cache.ts';
import { checkCertificate } from '../../../../src/cert/certificate/certificate.ts';
import { createAnswerTlsChallenge } from '../../../../src/cert/challenges/tls-alpn-01.ts';
import { createHandshake } from '../../../../src/cert/serving/handshake.ts';
import { AcmeIssuer } from '../../../../src/cert/acme/acme-issuer.ts';
import { createCertificateStore } from '../../../../src/cert/state/store.ts';
import { systemClock } from '../../../../src/core/platform/clock.ts';
import { createTlsChallenge, isValidation } from '../../../../src/serve/connections/tls-challenge.ts';
import { createMemoryStorage } from '../../../../src/storage/memory.ts';
import { acmeCa } from '../../../helpers/acme-ca.ts';
import { needs } from '../../../helpers/needs.ts';
import { pebble } from '../../../helpers/pebble.ts';

const forever = new AbortController().signal;
const NAMES = ['links.example.com', 'clicks.example.com', 'mail.example.com'];
const emit = (): void => {};

const setUp = async (t: Test) => {
  const storage = createMemoryStorage();
  const store = createCertificateStore({ storage });
  const isServed = (name: string): boolean => NAMES.includes(name);
  const cache = new ContextCache({ store, clock: systemClock, emit, maxContexts: 10 });
  const answer = createAnswerTlsChallenge({ storage, isServed, clock: systemClock, emit });
  let validations = 0;
  const { chooseContext, chooseProtocol } = createTlsChallenge({
    handshake: createHandshake({ cache, isServed, emit }),
    answer: async (servername) => {
      const found = await answer(servername);
      if (found !== undefined) validations += 1;
      return found;
    },
  });
  const server = createServer({
    minVersion: 'TLSv1.2',
    ALPNCallback(this: TLSSocket, { protocols }: { protocols: string[] }) {
      return chooseProtocol(this, protocols);
    },
    SNICallback(this: TLSSocket, servername: string, done: (error: null, context?: SecureContext) => void) {
      void (async () => done(null, await chooseContext(this, servername)))();
    },
  } as unknown as Parameters<typeof createServer>[0]);
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    if (isValidation(socket)) socket.end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;

  /** what a client of that name is served: the serial, or the code of the error */
  const visit = (name: string, version: 'TLSv1.2' | 'TLSv1.3', ca: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({
        host: '127.0.0.1',
        port,
        servername: name,
        ca,
        minVersion: version,
        maxVersion: version,
        ALPNProtocols: ['h2', 'http/1.1'],
      });
      socket.once('secureConnect', () => {
        resolve(socket.getPeerX509Certificate()?.serialNumber.toLowerCase() ?? '');
        socket.destroy();
      });
      socket.once('error', ({ code, message }: NodeJS.ErrnoException) => resolve(code ?? message));
    });
  return { storage, store, cache, port, visit, validations: () => validations };
};

const CASES = [
  [
    'the CA of these tests, TLS 1.2',
    false,
    (t: Test, tlsPort: number) => acmeCa(t, { tlsPort, tlsVersion: 'TLSv1.2' }),
  ],
  [
    'the CA of these tests, TLS 1.3',
    false,
    (t: Test, tlsPort: number) => acmeCa(t, { tlsPort, tlsVersion: 'TLSv1.3' }),
  ],
  [
    'Pebble',
    needs('pebble'),
    (t: Test, tlsPort: number) => pebble(t, { httpPort: 1, tlsPort, nonceReject: 30 }),
  ],
] as const;

for (const [what, skip, start] of CASES) {
  t.test(`first issue and renewal at ${what}`, { skip }, async (t) => {
    const { storage, store, cache, port, visit, validations } = await setUp(t);
    const ca = await start(t, port);
    const root = 'rootPem' in ca ? ca.rootPem : await ca.roots();
    const issuer = new AcmeIssuer({
      settings: {
        type: 'acme',
        name: 'test-ca',
        directory: ca.directory,
        caFile: ca.caFile,
        challenges: ['tls-alpn-01'],
      },
      keyType: 'ecdsa-p256',
      storage,
      clock: systemClock,
    });
    const renew = async (name: string): Promise<void> => {
      const got = await issuer.obtain(name, forever);
      checkCertificate(name, got);
      await store.write(name, { ...got, source: 'acme', issuer: 'test-ca' });
      await cache.refresh(name);
    };
    await Promise.all(NAMES.map(renew));
    const after = validations();
    t.ok(after >= NAMES.length, `${after} validations`);

    const served = async (name: string): Promise<string> => (await store.read(name))?.serial ?? '';
    const before = await Promise.all(NAMES.map(served));
    const state = { isDone: false };
    const renewing = Promise.all(NAMES.map(renew)).finally(() => (state.isDone = true));
    const seen = new Set<string>();
    while (!state.isDone) {
      for (const name of NAMES) {
        seen.add(await visit(name, 'TLSv1.2', root));
        seen.add(await visit(name, 'TLSv1.3', root));
      }
    }
    await renewing;
    t.ok(validations() > after);
    const valid = new Set([...before, ...(await Promise.all(NAMES.map(served)))]);
    t.same(
      [...seen].filter((serial) => !valid.has(serial)),
      [],
      'nothing but the old and the new one',
    );
    t.same(await storage.list('challenges'), []);
  });
}
