// The one owner of what is known of a name: what is written under the lock, and that nothing else writes it.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import type { Issuer } from '../../../src/cert/issuers/issuer.ts';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import { createManualOperations } from '../../../src/cert/manual/manual-operations.ts';
import { createIssue } from '../../../src/cert/renewal/issue.ts';
import { Renewal } from '../../../src/cert/renewal/renewal-loop.ts';
import { NOTHING_YET } from '../../../src/cert/state/issuance-state.ts';
import { createNameStates } from '../../../src/cert/state/name-state.ts';
import { createCertificateStore } from '../../../src/cert/state/store.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import { LinkgateError } from '../../../src/core/errors.ts';
import type { Storage } from '../../../src/core/storage.ts';
import { createFileStorage } from '../../../src/storage/file.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { createPki } from '../../helpers/pki.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { withUnreadable } from '../../helpers/unreadable.ts';

const forever = new AbortController().signal;
const name = 'links.example.com';
const pki = createPki();
const state = { ...NOTHING_YET, failures: 1, nextAttemptMs: 5 };

const setUp = (storage: Storage = createMemoryStorage()) => {
  const clock = fakeClock(Date.now());
  const store = createCertificateStore({ storage });
  return { clock, storage, store, states: createNameStates({ storage, store, clock }) };
};

t.test('a state is changed from what is stored, and read back', async (t) => {
  const { states, storage } = setUp();
  t.equal(await states.read(name), undefined);
  t.equal(await states.update(name, {}, () => undefined), undefined);
  t.same(await storage.list('state'), [], 'nothing to write');
  t.same(await states.update(name, {}, (stored) => (stored === undefined ? state : undefined)), state);
  t.same(await states.read(name), state);
  t.same(await states.update(name, {}, () => undefined), state, 'left as it is');
  const more = await states.update(name, {}, (stored = NOTHING_YET) => ({ ...stored, failures: 2 }));
  t.same(more, { ...state, failures: 2 });
  t.same(await storage.list('state'), [`state/${name}.json`]);
});

t.test('a held name gives what is known, and stores both parts of it', async (t) => {
  const { states, store, storage } = setUp();
  const made = { ...pki.leaf([name]), source: 'acme', issuer: 'ca' } as const;
  const stored = await states.hold(name, {}, async (held) => {
    t.same([await held.readCertificate(), held.state, held.lost.aborted], [undefined, undefined, false]);
    await held.storeState(state);
    return held.storeCertificate(made);
  });
  t.same(await store.read(name), stored);
  await states.hold(name, {}, async (held) => {
    t.same([await held.readCertificate(), held.state], [stored, state]);
    await t.rejects(held.storeCertificate({ ...pki.leaf(['x.example.com']), source: 'acme', issuer: 'ca' }), {
      code: 'ERR_CERT_INVALID',
    });
  });
  await storage.write(`certificates/${name}.pem`, 'torn');
  await states.hold(name, {}, async ({ readCertificate }) => t.equal(await readCertificate(), undefined));
});

t.test('changes of one name wait for each other, so none is lost', async (t) => {
  const { states } = setUp(createFileStorage({ path: tempDir(t), clock: systemClock }));
  const count = () =>
    states.update(name, {}, (stored = NOTHING_YET) => ({ ...stored, failures: stored.failures + 1 }));
  await Promise.all(Array.from({ length: 5 }, count));
  t.match(await states.read(name), { failures: 5 });
});

t.test('a name that another process holds is given up in time, and the lock is given back', async (t) => {
  const { states, storage, clock } = setUp();
  const lock = await storage.lock(name, forever);
  const waits: Promise<unknown>[] = [
    states.update(name, { waitMs: 1_000 }, () => state),
    states.hold(name, {}, async () => 'done'),
  ];
  for (const wait of waits) wait.catch(() => undefined);
  await clock.advance(60_000);
  for (const wait of waits)
    await t.rejects(
      wait.then(() => undefined),
      { code: 'ERR_STORAGE_LOCKED' },
    );
  await lock.release();
  await t.rejects(
    states.hold(name, {}, async () => Promise.reject(new Error('work'))),
    { message: 'work' },
  );
  t.equal(await states.hold(name, {}, async () => 'done'), 'done');
});

t.test('the names with a state are listed, and the longest name has one too', async (t) => {
  const { states } = setUp(createFileStorage({ path: tempDir(t), clock: fakeClock() }));
  const long = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;
  t.equal(long.length, 253);
  t.same([...(await states.list())], []);
  for (const one of [name, long]) await states.update(one, {}, () => state);
  t.same([...(await states.list())], [name], 'but not those under a digest');
  t.same(await states.read(long), state);
});

t.test('a state that cannot be read counts as none, and is replaced', async (t) => {
  const { states } = setUp(withUnreadable(createMemoryStorage(), (key) => key.startsWith('state/')));
  t.equal(await states.read(name), undefined);
  await states.update(name, {}, (stored) => (stored === undefined ? state : undefined));
  t.match(await states.read(name), state);
});

t.test('a certificate that cannot be read is reported, and can be replaced', async (t) => {
  const { states } = setUp(withUnreadable(createMemoryStorage(), (key) => key.startsWith('certificates/')));
  await states.hold(name, {}, async ({ readCertificate, storeCertificate }) => {
    await t.rejects(readCertificate(), { code: 'ERR_STORAGE_UNREADABLE' });
    await storeCertificate({ ...pki.leaf([name]), source: 'import', issuer: 'import' });
    t.match(await readCertificate(), { source: 'import' });
  });
});

/** A storage that notes each write of a name's state or certificate without the lock of the name. */
const watchLocks = (storage: Storage) => {
  const held = new Set<string>();
  const written: string[] = [];
  const unlocked: string[] = [];
  const watched: Storage = {
    ...storage,
    lock: async (one, signal) => {
      const lock = await storage.lock(one, signal);
      held.add(one);
      const release = async (): Promise<void> => {
        held.delete(one);
        await lock.release();
      };
      return { signal: lock.signal, release };
    },
    write: (key, value) => {
      const [, one] = /^(?:state|certificates)\/(.*)\.(?:json|pem)$/.exec(key) ?? [];
      if (one?.includes('.') === true) (held.has(one) ? written : unlocked).push(key);
      return storage.write(key, value);
    },
  };
  return { watched, written, unlocked };
};

t.test('loop and manual operations write what is known of a name under its lock only', async (t) => {
  const { watched, written, unlocked } = watchLocks(createMemoryStorage());
  const { clock, storage, store, states } = setUp(watched);
  const local = createLocalIssuer({ storage: createMemoryStorage(), keyType: 'ecdsa-p256', clock });
  const failing: { error?: LinkgateError } = {};
  const ca: Issuer = {
    source: 'acme',
    issuer: 'test-ca',
    directory: 'https://ca.example/directory',
    obtain: async (one, signal) => {
      if (failing.error !== undefined) throw failing.error;
      return local.obtain(one, signal);
    },
    revoke: async () => undefined,
  };
  const emit = (): void => undefined;
  const issue = createIssue({ storage, store, issuers: [ca], clock, emit });
  const wrote = (what: string): void => {
    t.ok(written.splice(0).length > 0, what);
    t.same(unlocked, [], what);
  };

  const window = { windowStartMs: clock.now() + 86_400_000, windowEndMs: clock.now() + 2 * 86_400_000 };
  const renewal = new Renewal({
    names: [name],
    store,
    states,
    issue,
    clock,
    random: () => 0,
    emit,
    onStored: emit,
    renewalInfo: async () => ({ ...window, retryAfterMs: 3_600_000 }),
  });
  t.teardown(() => renewal.stop());
  failing.error = new LinkgateError('ERR_ACME_UNREACHABLE', 'down');
  renewal.start();
  while ((await states.read(name)) === undefined) await clock.advance(100);
  wrote('a failed order of the loop');
  delete failing.error;
  await clock.advance(60_000);
  while ((await states.read(name))?.renewal === undefined) await clock.advance(100);
  wrote('an order of the loop, and what the CA said of it');
  await renewal.stop();

  const operations = createManualOperations({ names: [name], storage, store, issue, issuers: [ca], clock });
  await operations.renew([name], true, forever);
  wrote('a manual order');
  failing.error = new LinkgateError('ERR_ACME_REFUSED', 'no');
  await operations.renew([name], true, forever);
  wrote('a failed manual order');
  await operations.revoke(name, 'superseded', forever);
  wrote('a revocation');
  const validity = { notBeforeMs: clock.now() - 60_000, notAfterMs: clock.now() + 86_400_000 };
  await operations.import(name, pki.leaf([name], validity), forever);
  wrote('an import');
});

t.test(
  'one function writes `state/NAME.json`, and one calls the store to replace a certificate',
  async (t) => {
    const src = fileURLToPath(new URL('../../../src', import.meta.url));
    const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((path) =>
      path.endsWith('.ts'),
    );
    const having = (pattern: RegExp): string[] =>
      files.flatMap((path) => (readFileSync(join(src, path), 'utf8').match(pattern) ?? []).map(() => path));
    const owner = 'cert/state/name-state.ts';
    t.same(having(/formatState\(/g), [owner], 'only the owner formats a state');
    t.same(having(/storage\s*\.write\(keyOf\(name\), formatState/g), [owner]);
    t.same(having(/\bstore\s*\.write\(/g), [owner]);
    const key = /['"`]state\/(?!issuers\.json|NAME\.json)/g;
    t.same(having(key), [], 'no file spells such a key out');
  },
);
