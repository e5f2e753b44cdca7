import t from 'tap';
import { createManualOperations } from '../../../src/cert/manual/manual-operations.ts';
import { createCertificateStore } from '../../../src/cert/state/store.ts';
import { a, b, manualOn } from '../../helpers/manual.ts';
import { createPki } from '../../helpers/pki.ts';
import { withUnreadable } from '../../helpers/unreadable.ts';

const { signal } = new AbortController();
const pki = createPki();

t.test('removed names and broken values are shown, not hidden', async (t) => {
  const { operations, store, storage } = manualOn();
  const gone = 'gone.example.com';
  await store.write(gone, { ...pki.leaf([gone]), source: 'acme', issuer: 'test-ca' });
  await storage.write(`certificates/${b}.pem`, 'torn');
  t.match(await operations.list(), [
    { domain: a },
    { domain: b, state: 'failing', lastProblem: { type: 'ERR_CERT_INVALID' } },
    { domain: gone, state: 'retired', nextAttempt: null },
  ]);
  t.match(await operations.show(gone), {
    names: [gone],
    chain: ['CN=gone.example.com', /^CN=linkgate test root(,|\n|$)/],
  });
  t.match(await operations.export(gone), { domain: gone });
  await t.rejects(operations.show('c.example.com'), { code: 'ERR_CERT_UNKNOWN_NAME' });
  await t.rejects(operations.export('c.example.com'), { code: 'ERR_CERT_UNKNOWN_NAME' });
  t.match(await operations.issue(b, false, signal), { state: 'live' }, 'a broken one is replaced');
});

t.test('a name whose file cannot be read is shown, and the others too', async (t) => {
  const { clock, storage, operations } = manualOn();
  for (const name of [a, b]) await operations.issue(name, false, signal);
  const unreadable = withUnreadable(storage, (key) => key.includes(a));
  const store = createCertificateStore({ storage: unreadable });
  const issue = async (): Promise<never> => Promise.reject(new Error('not asked'));
  const other = createManualOperations({
    names: [a, b],
    storage: unreadable,
    store,
    issue,
    issuers: [],
    clock,
  });
  t.match(await other.list(), [
    { domain: a, state: 'failing', lastProblem: { type: 'ERR_STORAGE_UNREADABLE' } },
    { domain: b, state: 'live' },
  ]);
});

t.test('the renewal window of the CA is shown', async (t) => {
  const { operations, store, states } = manualOn();
  await operations.issue(a, false, signal);
  const fingerprint = (await store.read(a))?.fingerprint ?? '';
  const renewal = {
    fingerprint,
    windowStartMs: 1_000,
    windowEndMs: 2_000,
    askAgainMs: 0,
    explanationUrl: 'https://x/',
  };
  await states.update(a, {}, () => ({
    failures: 0,
    nextAttemptMs: 0,
    lastIssuedMs: 0,
    lastProblem: null,
    renewal,
  }));
  t.match(await operations.show(a), {
    renewalWindow: {
      start: '1970-01-01T00:00:01.000Z',
      end: '1970-01-01T00:00:02.000Z',
      explanationUrl: 'https://x/',
    },
  });
});
