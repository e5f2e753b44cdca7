import t from 'tap';
import { keepVersion, listVersions } from '../../../src/cert/state/versions.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { createPki } from '../../helpers/pki.ts';

const name = 'links.example.com';
const pki = createPki();
const DAY = 86_400_000;

t.test('a copy is kept unless it is the next certificate itself, and the oldest go', async (t) => {
  const storage = createMemoryStorage();
  await keepVersion(storage, name, '');
  await keepVersion(storage, name, 'torn');
  t.same(await listVersions(storage, name), []);
  const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
  const kept: string[] = [];
  for (let day = 0; day < 5; day += 1) {
    const validity = { notBeforeMs: nowMs + day * DAY, notAfterMs: nowMs + 90 * DAY };
    const { chainPem } = pki.leaf([name], validity);
    await keepVersion(storage, name, chainPem);
    const serial = (await listVersions(storage, name)).find((one) => !kept.includes(one)) ?? '';
    kept.push(serial);
    if (day === 0) {
      await keepVersion(storage, 'other.example.com', chainPem, serial);
      t.same(await listVersions(storage, 'other.example.com'), []);
    }
  }
  t.same(await listVersions(storage, name), kept.slice(2).toSorted());
});
