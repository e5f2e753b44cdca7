// Which versions and suites a worker speaks, seen from outside: every suite there is, one at a time, to the real listeners with
// contexts of the real cache.

import { execFileSync } from 'node:child_process';
import { createSecureContext, type ConnectionOptions } from 'node:tls';
import t, { type Test } from 'tap';
import { ContextCache } from '../../../../src/cert/serving/context-cache.ts';
import { createHandshake } from '../../../../src/cert/serving/handshake.ts';
import { createLocalIssuer } from '../../../../src/cert/local-ca/local-ca.ts';
import { createCertificateStore } from '../../../../src/cert/state/store.ts';
import { systemClock } from '../../../../src/core/platform/clock.ts';
import type { TlsProfile } from '../../../../src/core/settings.ts';
import { createMemoryStorage } from '../../../../src/storage/memory.ts';
import { ALERT, sayHello, type HelloVersion } from '../../../helpers/client-hello.ts';
import { needs } from '../../../helpers/needs.ts';
import { sharedPki } from '../../../helpers/pki.ts';
import { gather, serve, type Serving } from '../../../helpers/serve.ts';
import { tracker } from '../../../helpers/tracker.ts';

const NAMES = { ECDSA: 'ecdsa.example.com', RSA: 'rsa.example.com' } as const;
type Key = keyof typeof NAMES;
const forever = new AbortController().signal;

/** Every number that IANA's registry gives to a suite, and those between them. */
const RANGES = [
  [0x0000, 0x00ff],
  [0x1301, 0x1307],
  [0xc001, 0xc106],
  [0xcca8, 0xccae],
  [0xd001, 0xd005],
] as const;
const EVERY_SUITE = RANGES.flatMap(([first, last]) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index),
);

/** ECDHE with AES-GCM or ChaCha20-Poly1305: AES-128, AES-256, ChaCha20 */
const ACCEPTED: Readonly<Record<Key | 'TLSv1.3', readonly number[]>> = {
  ECDSA: [0xc02b, 0xc02c, 0xcca9],
  RSA: [0xc02f, 0xc030, 0xcca8],
  'TLSv1.3': [0x1301, 0x1302, 0x1303],
};

/** ECDHE with AES-CBC, with SHA-1, SHA-256 and SHA-384 */
const WITH_CBC: Readonly<Record<Key, readonly number[]>> = {
  ECDSA: [0xc009, 0xc00a, 0xc023, 0xc024],
  RSA: [0xc013, 0xc014, 0xc027, 0xc028],
};

interface Both {
  readonly worker: Serving;
  readonly rootPem: string;
}

/** A worker with one name with an ECDSA and one with an RSA certificate, from the store through the cache to the handshake. */
const workerWithBoth = async (t: Test, tlsProfile?: TlsProfile): Promise<Both> => {
  const storage = createMemoryStorage();
  const store = createCertificateStore({ storage });
  const keyTypes = new Map([[NAMES.RSA, 'rsa-2048' as const]]);
  const issuer = createLocalIssuer({ storage, keyType: 'ecdsa-p256', keyTypes, clock: systemClock });
  for (const name of Object.values(NAMES)) {
    await store.write(name, { ...(await issuer.obtain(name, forever)), source: 'local', issuer: 'local' });
  }
  const emit = (): void => undefined;
  const cache = new ContextCache({ store, clock: systemClock, emit, maxContexts: 10 });
  const worker = await serve(t, {
    tracker: await tracker(t),
    domains: Object.values(NAMES).map((name) => ({ name })),
    ...(tlsProfile === undefined ? {} : { tlsProfile }),
    handshake: createHandshake({ cache, isServed: () => true, emit }),
  });
  return { worker, rootPem: await issuer.rootPem(forever) };
};

const both = await workerWithBoth(t);

/** What the worker says to each of `offers`, made one at a time: the suites it takes, and the alerts of the others. */
const answersTo = async (
  offers: readonly (readonly number[])[],
  options: { readonly servername: string; readonly version: HelloVersion },
  { worker }: Both = both,
): Promise<{ readonly taken: readonly number[]; readonly alerts: readonly number[] }> => {
  const taken: number[] = [];
  const alerts = new Set<number>();
  const waiting = offers.values();
  const client = async (): Promise<void> => {
    for (const suites of waiting) {
      const answer = await sayHello({ port: worker.httpsPort, ...options, suites });
      if ('alert' in answer) alerts.add(answer.alert);
      else taken.push(answer.suite);
    }
  };
  await Promise.all(Array.from({ length: 16 }, client));
  return { taken: taken.toSorted((a, b) => a - b), alerts: [...alerts] };
};

const chosen = async (
  key: Key,
  options: ConnectionOptions = {},
  { worker, rootPem } = both,
): Promise<string> => (await worker.tls(NAMES[key], { ca: rootPem, ...options })).getCipher().name;

t.test('ECDHE with an AEAD and nothing else, whatever is offered', async (t) => {
  const only = (taken: readonly number[]) => ({ taken, alerts: [ALERT.handshakeFailure] });
  const each = EVERY_SUITE.map((suite) => [suite]);
  for (const key of ['ECDSA', 'RSA'] as const) {
    const answers = await answersTo(each, { servername: NAMES[key], version: 'TLSv1.2' });
    t.same(answers, only(ACCEPTED[key]), `TLS 1.2, ${key}`);
  }
  const isFor13 = (suite: number): boolean => suite >> 8 === 0x13;
  const offers = [
    ...each.filter(([suite = 0]) => isFor13(suite)),
    EVERY_SUITE.filter((one) => !isFor13(one)),
  ];
  const answers = await answersTo(offers, { servername: NAMES.ECDSA, version: 'TLSv1.3' });
  t.same(answers, only(ACCEPTED['TLSv1.3']), 'TLS 1.3');
});

t.test('compatible has ECDHE with CBC too, and only for who has nothing better', async (t) => {
  const compatible = await workerWithBoth(t, 'compatible');
  const each = EVERY_SUITE.map((suite) => [suite]);
  for (const key of ['ECDSA', 'RSA'] as const) {
    const answers = await answersTo(each, { servername: NAMES[key], version: 'TLSv1.2' }, compatible);
    const taken = [...ACCEPTED[key], ...WITH_CBC[key]].toSorted((a, b) => a - b);
    t.same(answers, { taken, alerts: [ALERT.handshakeFailure] }, key);
    const old = `ECDHE-${key}-AES256-SHA:ECDHE-${key}-AES128-SHA256`;
    const options = { maxVersion: 'TLSv1.2', ciphers: old } as const;
    t.equal(await chosen(key, options, compatible), `ECDHE-${key}-AES128-SHA256`);
    const better = { ...options, ciphers: `${old}:ECDHE-${key}-CHACHA20-POLY1305` };
    t.equal(await chosen(key, better, compatible), `ECDHE-${key}-CHACHA20-POLY1305`);
    t.equal(await chosen(key, {}, compatible), 'TLS_AES_128_GCM_SHA256');
  }
});

t.test('modern is TLS 1.3 alone', async (t) => {
  const modern = await workerWithBoth(t, 'modern');
  for (const servername of Object.values(NAMES)) {
    const old = await answersTo([EVERY_SUITE], { servername, version: 'TLSv1.2' }, modern);
    t.same(old, { taken: [], alerts: [ALERT.protocolVersion] }, servername);
  }
  const offers = [0x1301, 0x1302, 0x1303, 0x1304, 0x1305].map((suite) => [suite]);
  const answers = await answersTo(offers, { servername: NAMES.ECDSA, version: 'TLSv1.3' }, modern);
  t.same(answers.taken, ACCEPTED['TLSv1.3']);
});

t.test('a reload changes the profile for new connections', async (t) => {
  const { worker, rootPem } = await workerWithBoth(t);
  const old = { ca: rootPem, maxVersion: 'TLSv1.2' } as const;
  const before = await worker.tls(NAMES.RSA, old);
  worker.listeners.apply({ ...worker.settings, tlsProfile: 'modern' });
  await t.rejects(worker.tls(NAMES.RSA, old), { message: /alert protocol version/ });
  const response = gather(before, /\r\n\r\n/);
  before.write(`GET /e/c/x HTTP/1.1\r\nHost: ${NAMES.RSA}\r\n\r\n`);
  t.match(await response, /^HTTP\/1\.1 302 /, 'an open one stays');
});

t.test('no client renegotiates, in any profile that has TLS 1.2', async (t) => {
  for (const profile of ['intermediate', 'compatible'] as const) {
    const { worker, rootPem } = await workerWithBoth(t, profile);
    const socket = await worker.tls(NAMES.RSA, { ca: rootPem, maxVersion: 'TLSv1.2' });
    const failed = new Promise<Error>((resolve) => socket.once('error', resolve));
    socket.renegotiate({}, () => undefined);
    t.match((await failed).message, /no renegotiation/, profile);
  }
});

t.test('the suites that OpenSSL has are among them', { skip: needs('openssl') }, async (t) => {
  const known = execFileSync('openssl', ['ciphers', '-V', 'ALL:COMPLEMENTOFALL@SECLEVEL=0'], {
    encoding: 'utf8',
  });
  const numbers = [...known.matchAll(/0x(..),0x(..) - /g)].map(([, high, low]) => Number(`0x${high}${low}`));
  t.ok(numbers.length > 50, `${numbers.length}`);
  t.same(
    numbers.filter((number) => !EVERY_SUITE.includes(number)),
    [],
  );
});

t.test('a client that offers only old suites gets an alert', async (t) => {
  const old = 'ECDHE-ECDSA-AES256-SHA:ECDHE-ECDSA-AES256-CCM8:ECDHE-ECDSA-ARIA256-GCM-SHA384';
  await t.rejects(chosen('ECDSA', { maxVersion: 'TLSv1.2', ciphers: old }), {
    message: /alert handshake failure/,
  });
});

t.test('TLS 1.0 and 1.1 are refused, with any suite', async (t) => {
  for (const version of ['TLSv1', 'TLSv1.1'] as const) {
    for (const servername of Object.values(NAMES)) {
      const answer = await sayHello({
        port: both.worker.httpsPort,
        servername,
        version,
        suites: EVERY_SUITE,
      });
      t.same(answer, { alert: ALERT.protocolVersion }, `${version} ${servername}`);
    }
  }
});

t.test('AES-128 comes first, whatever the client prefers', async (t) => {
  const strongFirst =
    'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:' +
    'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256';
  for (const key of ['ECDSA', 'RSA'] as const) {
    for (const offer of [{}, { ciphers: strongFirst }]) {
      t.equal(await chosen(key, offer), 'TLS_AES_128_GCM_SHA256');
      t.equal(await chosen(key, { ...offer, maxVersion: 'TLSv1.2' }), `ECDHE-${key}-AES128-GCM-SHA256`);
    }
  }
});

t.test('versions and suites in the context of a name have no effect', async (t) => {
  const leaf = sharedPki('worker').leaf(['links.example.com']);
  const context = createSecureContext({
    key: leaf.keyPem,
    cert: leaf.chainPem,
    minVersion: 'TLSv1.3',
    ciphers: 'TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES256-GCM-SHA384',
  });
  const worker = await serve(t, { tracker: await tracker(t), handshake: () => context });
  const suite = async (options: ConnectionOptions): Promise<string> =>
    (await worker.tls('links.example.com', options)).getCipher().name;
  t.equal(await suite({}), 'TLS_AES_128_GCM_SHA256');
  t.equal(await suite({ maxVersion: 'TLSv1.2' }), 'ECDHE-RSA-AES128-GCM-SHA256');
});
