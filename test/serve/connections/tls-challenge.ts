import { once } from 'node:events';
import {
  connect,
  createSecureContext,
  createServer,
  type ConnectionOptions,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { createAnswerTlsChallenge, createTlsSolver } from '../../../src/cert/challenges/tls-alpn-01.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import type { KeyType } from '../../../src/core/settings.ts';
import { createTlsChallenge, isValidation } from '../../../src/serve/connections/tls-challenge.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import { challengeCertificateFault, validate } from '../../helpers/acme-ca/validate.ts';

const name = 'links.example.com';
const forever = new AbortController().signal;
const challenge = { name, token: 'token', keyAuthorization: 'token.thumbprint' };

/** The https listener as src/serve/connections/tls.ts has it, as far as certificates and protocols go. */
const listen = async (t: Test, context: SecureContext | undefined) => {
  const storage = createMemoryStorage();
  const { chooseContext, chooseProtocol } = createTlsChallenge({
    handshake: (servername) => (servername === name ? context : undefined),
    answer: createAnswerTlsChallenge({
      storage,
      isServed: (one) => one === name,
      clock: systemClock,
      emit: () => {},
    }),
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
  return { storage, port: (server.address() as AddressInfo).port };
};

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

const hello = (
  port: number,
  version: (typeof VERSIONS)[number],
  protocols: string[] | undefined,
  ca: string,
): Promise<string> =>
  new Promise((resolve) => {
    const options: ConnectionOptions = {
      host: '127.0.0.1',
      port,
      servername: name,
      ca,
      minVersion: version,
      maxVersion: version,
      ...(protocols === undefined ? {} : { ALPNProtocols: protocols }),
    };
    const socket = connect(options, () => {
      resolve(`${socket.alpnProtocol || 'none'} ${socket.getPeerX509Certificate()?.subjectAltName ?? ''}`);
      socket.destroy();
    });
    socket.once('error', ({ message, code }: NodeJS.ErrnoException) =>
      resolve(/alert|no protocols/.test(message) ? 'alert' : (code ?? message)),
    );
  });

t.test('a CA gets the challenge certificate, a client its own, in both versions of TLS', async (t) => {
  for (const keyType of ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048'] satisfies KeyType[]) {
    await t.test(keyType, async (t) => {
      const issuer = createLocalIssuer({ storage: createMemoryStorage(), keyType, clock: systemClock });
      const { keyPem, chainPem } = await issuer.obtain(name, forever);
      const ca = await issuer.rootPem(forever);
      const context = createSecureContext({ key: keyPem, cert: chainPem });
      const { storage, port } = await listen(t, context);
      const clients = async (when: string): Promise<void> => {
        for (const version of VERSIONS) {
          const own = `DNS:${name}`;
          const get = (protocols?: string[]) => hello(port, version, protocols, ca);
          t.equal(await get(['h2', 'http/1.1']), `h2 ${own}`, `${version} h2, ${when}`);
          t.equal(await get(['http/1.1', 'h2']), `h2 ${own}`, `${version} in our order, ${when}`);
          t.equal(await get(['http/1.1']), `http/1.1 ${own}`, `${version} http/1.1, ${when}`);
          t.equal(await get(), `none ${own}`, `${version} without ALPN, ${when}`);
          t.equal(await get(['acme-tls/1', 'h2']), `h2 ${own}`, `${version} who offers more, ${when}`);
          t.equal(await get(['spdy/3']), 'alert', `${version} nothing in common, ${when}`);
        }
      };
      await clients('before');
      for (const version of VERSIONS) t.equal(await hello(port, version, ['acme-tls/1'], ca), 'alert');

      const cleanUp = await createTlsSolver({ storage, clock: systemClock }).present(
        { ...challenge, keyType },
        forever,
      );
      await clients('while it is open');
      for (const version of VERSIONS) {
        await validate('tls-alpn-01', challenge, { tlsPort: port, tlsVersion: version });
      }
      await t.rejects(
        validate('tls-alpn-01', { ...challenge, keyAuthorization: 'other' }, { tlsPort: port }),
        /digest of something else/,
      );
      await cleanUp();
      await t.rejects(validate('tls-alpn-01', challenge, { tlsPort: port }));
      await clients('after');
    });
  }
});

t.test('a name without a certificate can be validated, and clients get none', async (t) => {
  const { storage, port } = await listen(t, undefined);
  await createTlsSolver({ storage, clock: systemClock }).present(
    { ...challenge, keyType: 'ecdsa-p256' },
    forever,
  );
  const kept = (await storage.read(`challenges/tls-alpn-01/${name}`))?.toString('utf8') ?? '';
  for (const version of VERSIONS) {
    await validate('tls-alpn-01', challenge, { tlsPort: port, tlsVersion: version });
    // Trusting the challenge certificate itself: only its being served could make this succeed.
    const ca = /-----BEGIN CERTIFICATE[^]+/.exec(kept)?.[0] ?? '';
    const client = await hello(port, version, ['h2'], ca);
    t.notMatch(client, name, `${version}: ${client}`);
    t.notMatch(await hello(port, version, undefined, ca), name);
  }
});

t.test('the check refuses a certificate that is no challenge certificate', async (t) => {
  const issuer = createLocalIssuer({
    storage: createMemoryStorage(),
    keyType: 'ecdsa-p256',
    clock: systemClock,
  });
  const { chainPem } = await issuer.obtain(name, forever);
  const raw = Buffer.from(/-----BEGIN CERTIFICATE-----([^-]+)/.exec(chainPem)?.[1] ?? '', 'base64');
  t.match(challengeCertificateFault(raw, challenge), 'is not self-signed');
});
