import { createRequire } from 'node:module';
import t from 'tap';
import {
  createAskRenewalInfo,
  createIssuers,
  createIssuersClock,
  createIssuersPreflight,
  loadIssuers,
  ordersLeftOf,
} from '../../src/app/issuers.ts';
import type { Issuer } from '../../src/cert/issuers/issuer.ts';
import type { StoredCertificate } from '../../src/cert/state/store.ts';
import { systemClock } from '../../src/core/platform/clock.ts';
import type { AcmeIssuerSettings, Settings } from '../../src/core/settings.ts';
import { createMemoryStorage } from '../../src/storage/memory.ts';
import { acmeCa } from '../helpers/acme-ca.ts';
import { fakeClock } from '../helpers/fake-clock.ts';

t.test('one issuer for each entry, in order', async (t) => {
  const directory = 'https://ca.example.net/dir';
  const issuers = createIssuers(
    {
      storage: { type: 'file', path: '/nowhere' },
      keyType: 'ecdsa-p256',
      issuers: [
        { type: 'acme', name: 'ca.example.net', directory, challenges: ['http-01'] },
        { type: 'local', name: 'local' },
      ],
    },
    createMemoryStorage(),
    systemClock,
  );
  t.match(issuers, [
    { source: 'acme', issuer: 'ca.example.net', directory },
    { source: 'local', issuer: 'local' },
  ]);
  const made = await issuers[1]?.obtain('links.example.com', new AbortController().signal);
  t.match(made?.chainPem, 'BEGIN CERTIFICATE', 'made with the key type and storage given');
});

const { signal } = new AbortController();
const LETSENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';
const acme = (more: Partial<AcmeIssuerSettings> = {}): AcmeIssuerSettings => ({
  type: 'acme',
  name: 'x',
  directory: LETSENCRYPT,
  challenges: ['http-01'],
  ...more,
});
const certificates = (...issuers: Settings['certificates']['issuers']): Settings['certificates'] => ({
  storage: { type: 'file', path: '/nowhere' },
  keyType: 'ecdsa-p256',
  issuers,
});

t.test('what orders need is loaded on request, and only where there is a CA', async (t) => {
  const { cache } = createRequire(import.meta.url);
  const isLoaded = (): boolean => Object.keys(cache).some((path) => path.includes('/acme-client/'));
  t.notOk(isLoaded());
  await loadIssuers(certificates({ type: 'local', name: 'local' }));
  t.notOk(isLoaded());
  await loadIssuers(certificates(acme()));
  t.ok(isLoaded());
});

t.test('the orders that are left, where a limit is known', async (t) => {
  const issuers = createIssuers(
    certificates(acme({ name: 'letsencrypt' }), { type: 'local', name: 'local' }),
    createMemoryStorage(),
    systemClock,
  );
  t.same(await ordersLeftOf(issuers), [
    { issuer: 'letsencrypt', left: 300, most: 300 },
    { issuer: 'local', left: Infinity, most: Infinity },
  ]);
});

t.test('renewalInfo comes from the CA of the certificate, and from no other', async (t) => {
  const asked: string[] = [];
  const of = (directory?: string): Issuer => ({
    source: 'acme',
    issuer: 'x',
    ...(directory === undefined ? {} : { directory }),
    obtain: () => Promise.reject(new Error('not asked for')),
    renewalInfo: async () => {
      asked.push(directory ?? '');
      return { windowStartMs: 1, windowEndMs: 2, retryAfterMs: 60_000 };
    },
  });
  const ask = createAskRenewalInfo([of(), of('https://a/'), of('https://b/')]);
  const stored = (directory?: string) => ({ directory }) as StoredCertificate;
  t.match(await ask(stored('https://b/'), signal), { windowEndMs: 2 });
  t.equal(await ask(stored('https://gone/'), signal), undefined, 'a CA that left the configuration');
  t.equal(await ask(stored(), signal), undefined, 'an imported one');
  t.same(asked, ['https://b/']);
});

t.test('the time comes from the first CA, or from this machine where there is none', async (t) => {
  const ca = await acmeCa(t);
  const clock = fakeClock(Date.now() - 365 * 86_400_000);
  const { directory, caFile } = ca;
  const told = createIssuersClock(
    () => certificates({ type: 'local', name: 'local' }, acme({ directory, caFile })),
    clock,
  );
  await told.settle(true, signal);
  t.ok(Math.abs(told.now() - Date.now()) < 60_000, 'a clock a year behind is found out');
  const next = createIssuersClock(
    () => certificates(acme({ directory: 'https://127.0.0.1:9/' }), acme({ directory, caFile })),
    clock,
  );
  await next.settle(true, signal);
  t.ok(Math.abs(next.now() - Date.now()) < 60_000, 'by the second CA when the first is down');
  const alone = createIssuersClock(() => certificates({ type: 'local', name: 'local' }), clock);
  await alone.settle(true, signal);
  t.equal(alone.now(), clock.now());
});

t.test('a preflight exists only where every CA sees the public DNS', async (t) => {
  t.ok(createIssuersPreflight(certificates(acme()), createMemoryStorage()));
  t.equal(
    createIssuersPreflight(certificates(acme(), { type: 'local', name: 'local' }), createMemoryStorage()),
    undefined,
  );
  t.equal(
    createIssuersPreflight(
      certificates(acme(), acme({ directory: 'https://ca.internal/' })),
      createMemoryStorage(),
    ),
    undefined,
  );
});
