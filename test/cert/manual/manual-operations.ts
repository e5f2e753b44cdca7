import t from 'tap';
import { a, b, manualOn } from '../../helpers/manual.ts';
import { createPki } from '../../helpers/pki.ts';

const { signal } = new AbortController();
const pki = createPki();

t.test('an imported certificate is served, left alone, and replaced only by force', async (t) => {
  const { operations } = manualOn();
  const leaf = pki.leaf([a]);
  const imported = await operations.import(a, leaf, signal);
  t.match(imported, { source: 'import', state: 'live', nextAttempt: null });
  await t.rejects(operations.issue(a, false, signal), { code: 'ERR_CERT_IMPORTED' });
  t.match(await operations.renew([a], true, signal), [{ problem: { code: 'ERR_CERT_IMPORTED' } }]);
  await t.rejects(operations.revoke(a, 'unspecified', signal), {
    code: 'ERR_CERT_IMPORTED',
    message: /source "import"/,
  });
  t.match(await operations.renew([], true, signal), [
    { status: { serial: imported.serial } },
    { domain: b, status: { state: 'live' } },
  ]);
  t.match(await operations.issue(a, true, signal), { source: 'acme' });
  t.match(await operations.show(a), { versions: [imported.serial] });
});
