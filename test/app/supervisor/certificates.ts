import t, { type Test } from 'tap';
import { Certificates } from '../../../src/app/supervisor/certificates.ts';
import { announceChange } from '../../../src/cert/state/changes.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import type { DomainSettings } from '../../../src/core/settings.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { recorder } from '../../helpers/recorder.ts';
import { localSettings } from '../../helpers/settings.ts';
import { until } from '../../helpers/until.ts';

const domain = (name: string): DomainSettings => ({ name, upstream: 'us', redirectHttp: false });

const started = async (t: Test) => {
  const storage = createMemoryStorage();
  const stored: string[] = [];
  const settings = localSettings(t);
  const { emit } = recorder();
  const onStored = (name: string): void => void stored.push(name);
  const certificates = new Certificates({ settings, storage, clock: systemClock, emit, onStored });
  const watching = new AbortController();
  t.teardown(async () => {
    watching.abort();
    await certificates.stop();
  });
  await certificates.load();
  await certificates.removedFrom(settings.domains);
  certificates.start(watching.signal, () => undefined);
  return { certificates, storage, stored, settings };
};

t.test(
  'orders for the configured names, also for those of a reload, and reports each that was stored',
  async (t) => {
    const { certificates, stored } = await started(t);
    t.equal(certificates.isLive(), false);
    await until('the first name is live', () => certificates.isLive(), 30_000);
    t.strictSame(stored, ['links.example.com']);
    t.match(certificates.issuers(), [{ name: 'local', healthy: true }]);
    t.match(await certificates.ordersLeft(), [{ issuer: 'local', left: Infinity }]);

    certificates.setDomains([domain('links.example.com'), domain('new.example.com')]);
    t.equal(certificates.isLive(), false);
    await until('the new name is live', () => certificates.isLive(), 30_000);
    t.strictSame(stored, ['links.example.com', 'new.example.com']);
  },
);

t.test('a removed domain is listed until it expires; changes of other processes are found', async (t) => {
  const { certificates, storage, stored } = await started(t);
  await until('the name is live', () => certificates.isLive(), 30_000);
  const others = [domain('new.example.com')];
  t.match(await certificates.removedFrom(others), [{ name: 'links.example.com' }]);
  certificates.setDomains(others);
  t.match(certificates.list(), [
    { domain: 'new.example.com' },
    { domain: 'links.example.com', state: 'retired' },
  ]);
  const before = stored.length;
  await until('the note of another process is found', async () => {
    await announceChange(storage, systemClock, 'links.example.com');
    return stored.slice(before).includes('links.example.com');
  });
});

t.test('a reload may bring other issuers', async (t) => {
  const { certificates, settings } = await started(t);
  const directory = 'https://127.0.0.1:9/directory';
  certificates.setIssuers({
    ...settings.certificates,
    issuers: [{ type: 'acme', name: 'other', directory, challenges: ['http-01'] }],
  });
  t.match(certificates.issuers(), [{ name: 'other', healthy: true }]);
});
