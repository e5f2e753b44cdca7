import t from 'tap';
import { a, b, manualOn } from '../../helpers/manual.ts';
import { createPki } from '../../helpers/pki.ts';

const { signal } = new AbortController();
const pki = createPki();

t.test('a refused import changes nothing', async (t) => {
  const { operations, notes } = manualOn();
  const { serial } = await operations.issue(a, false, signal);
  await t.rejects(operations.import(a, pki.leaf([b]), signal), { code: 'ERR_CERT_INVALID' });
  await t.rejects(operations.import('c.example.com', pki.leaf(['c.example.com']), signal), {
    code: 'ERR_CERT_UNKNOWN_NAME',
  });
  t.equal((await operations.show(a)).serial, serial);
  t.equal(await notes(), 1);
});

t.test('an import waits for the order of another process, and goes after it', async (t) => {
  const { operations, storage } = manualOn();
  const lock = await storage.lock(a, signal);
  let isDone = false;
  const work = operations.import(a, pki.leaf([a]), signal).then((row) => {
    isDone = true;
    return row;
  });
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(isDone, false);
  await lock.release();
  t.match(await work, { source: 'import' });
});
