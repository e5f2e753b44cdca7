import t from 'tap';
import { isRenewalDue } from '../../../src/cert/renewal/plan.ts';
import { a, manualOn } from '../../helpers/manual.ts';
import { createPki } from '../../helpers/pki.ts';

const { signal } = new AbortController();
const pki = createPki();

t.test('a certificate is revoked at its own CA, and its name is then due', async (t) => {
  const { operations, revoked, store, clock, notes, states } = manualOn();
  await t.rejects(operations.revoke(a, 'keyCompromise', signal), { code: 'ERR_CERT_ABSENT' });
  const { serial } = await operations.issue(a, false, signal);
  await t.rejects(operations.revoke(a, 'toString', signal), { code: 'ERR_USAGE', message: /keyCompromise/ });
  const row = await operations.revoke(a, 'keyCompromise', signal);
  t.same(revoked, [serial, 1]);
  t.equal(row.nextAttempt, new Date(clock.now()).toISOString());
  const stored = await store.read(a);
  t.ok(stored !== undefined && isRenewalDue(stored, await states.read(a), clock.now()), 'for every process');
  t.equal(await notes(), 2);
});

t.test('a certificate that was replaced while it was revoked is not planned for', async (t) => {
  const { operations, ca, states, store } = manualOn();
  await operations.issue(a, false, signal);
  const before = await states.read(a);
  const next = pki.leaf([a]);
  ca.revoke = async () => void (await store.write(a, { ...next, source: 'acme', issuer: 'test-ca' }));
  await operations.revoke(a, 'superseded', signal);
  t.same(await states.read(a), before);
});
