import t from 'tap';
import { createEntry, NOTHING_YET, type Entry } from '../../../src/cert/renewal/entry.ts';
import { createRecords } from '../../../src/cert/renewal/attempt-records.ts';
import type { StoredCertificate } from '../../../src/cert/state/store.ts';
import { LinkgateError } from '../../../src/core/errors.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { recorder } from '../../helpers/recorder.ts';

const { signal } = new AbortController();
const down = new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'storage "/x" cannot be read');
const stored = (domain: string, source: 'acme' | 'local' = 'acme'): StoredCertificate => ({
  domain,
  source,
  issuer: 'x',
  keyPem: 'secret',
  chainPem: 'chain',
  serial: '1',
  fingerprint: 'f',
  notBeforeMs: 7,
  notAfterMs: 9,
});

const setUp = (read: (name: string) => Promise<StoredCertificate | undefined>) => {
  const clock = fakeClock();
  const { emit, of } = recorder();
  const learned: number[] = [];
  const written: unknown[] = [];
  const asked: string[] = [];
  const askedStates: string[] = [];
  const known: string[] = [];
  const onKnown = (entry: Entry, isGlance: boolean): void => void known.push(`${entry.name} ${isGlance}`);
  const records = createRecords({
    store: {
      read: (name) => {
        asked.push(name);
        return read(name);
      },
      glance: (name) => {
        asked.push(`glance ${name}`);
        return read(name);
      },
      listStates: async () => new Set(['n1.example.com']),
      readState: async (name) => {
        askedStates.push(name);
        return NOTHING_YET;
      },
      writeState: async (_name, state) => void written.push(state),
    },
    clock: { ...clock, learn: (ms) => void learned.push(ms) },
    emit,
  });
  return { clock, of, learned, written, asked, askedStates, records, known, onKnown };
};

t.test('a name is read once; what is kept has no key, and a CA tells the time', async (t) => {
  const { records, learned, onKnown, known } = setUp(async (name) =>
    stored(name, name.startsWith('a') ? 'acme' : 'local'),
  );
  const [a, b] = [createEntry('a.example.com'), createEntry('b.example.com')];
  await records.readUnknown([a, b], signal, onKnown);
  t.ok(a.isKnown && b.isKnown);
  t.notMatch(JSON.stringify(a), /secret|chain/);
  t.same(learned, [7], 'a local CA has this machine’s clock');
  t.same(known, ['a.example.com false', 'b.example.com false']);
});

t.test('a name that cannot be read waits, longer each time, and holds up no other', async (t) => {
  const { records, clock, asked, of, onKnown } = setUp(async (name) => {
    if (name.startsWith('bad')) throw down;
    return undefined;
  });
  const [bad, good] = [createEntry('bad.example.com'), createEntry('good.example.com')];
  await records.readUnknown([bad, good], signal, onKnown);
  t.notOk(bad.isKnown);
  t.ok(good.isKnown);
  t.equal(of('storage.failed').length, 1);
  t.equal(records.readAtMs(), clock.now() + 2_000);
  await records.readUnknown([bad], signal, onKnown);
  t.equal(asked.length, 2, 'not before');
  records.readSoon();
  await records.readUnknown([bad], signal, onKnown);
  t.equal(asked.length, 3, 'unless told');
  t.equal(records.readAtMs(), clock.now() + 4_000);
  clock.jump(clock.now() - 365 * 86_400_000);
  t.equal(records.readAtMs(), 0, 'a clock that goes back a year makes nobody wait so long');
  await records.readUnknown([good], signal, onKnown);
  records.readSoon();
  await records.readUnknown([bad], signal, onKnown);
  t.equal(records.readAtMs(), clock.now() + 2_000, 'a storage that worked meanwhile begins anew');
});

t.test('a storage that is down is not asked for every name', async (t) => {
  const { records, asked, onKnown } = setUp(() => Promise.reject(down));
  await records.readUnknown(
    Array.from({ length: 500 }, (_, index) => createEntry(`n${index}.example.com`)),
    signal,
    onKnown,
  );
  t.ok(asked.length < 20, `${asked.length} reads`);
});

t.test('a value that cannot be served is known as none', async (t) => {
  const { records, of, onKnown } = setUp(() =>
    Promise.reject(new LinkgateError('ERR_CERT_INVALID', 'broken')),
  );
  const entry = createEntry('a.example.com');
  await records.readUnknown([entry], signal, onKnown);
  t.match(entry, { isKnown: true, certificate: undefined });
  t.match(of('context.failed'), [{ domain: 'a.example.com', code: 'ERR_CERT_INVALID' }]);
});

t.test('a state that cannot be written is remembered all the same', async (t) => {
  const { emit, of } = recorder();
  const records = createRecords({
    store: {
      read: async () => undefined,
      glance: async () => undefined,
      listStates: async () => new Set(),
      readState: async () => undefined,
      writeState: () => Promise.reject(down),
    },
    clock: fakeClock(),
    emit,
  });
  const entry = createEntry('a.example.com');
  await records.remember(entry, { ...NOTHING_YET, failures: 3 });
  t.equal(entry.state?.failures, 3);
  t.match(of('storage.failed'), [{ code: 'ERR_STORAGE_UNAVAILABLE' }]);
});

t.test('very many are glanced at, and checked one by one', async (t) => {
  const { records, asked, askedStates, known, onKnown, of } = setUp(async (name) => stored(name));
  const entries = Array.from({ length: 600 }, (_, index) => createEntry(`n${index}.example.com`));
  const long = createEntry(`${'a.'.repeat(110)}example.com`);
  await records.readUnknown([...entries, long], signal, onKnown);
  t.equal(known.filter((line) => line.endsWith('true')).length, 601);
  t.ok(asked.every((line) => line.startsWith('glance ')));
  t.same(askedStates, ['n1.example.com', long.name], 'no look for a state that is not there');
  t.same(entries[0]?.certificate, { ...entries[0]?.certificate, domain: 'n0.example.com', serial: '1' });
  const [first, second] = entries;
  t.equal(first === undefined || (await records.inspect(first)), false);
  t.ok(first?.certificate);

  const bad = setUp(() => Promise.reject(new LinkgateError('ERR_CERT_INVALID', 'does not match its key')));
  if (second === undefined) throw new Error('no entry');
  t.equal(await bad.records.inspect(second), true);
  t.equal(second.certificate, undefined, 'known as none');
  t.match(bad.of('context.failed'), [{ code: 'ERR_CERT_INVALID' }]);
  t.equal(await setUp(() => Promise.reject(down)).records.inspect(long), false, 'no reason to order');
  t.same(of('context.failed'), []);
});

t.test('names whose own file cannot be read hold up nobody, however many come first', async (t) => {
  const files = new Map<string, LinkgateError>();
  const { records, clock, of, asked, onKnown } = setUp(async (name) => {
    const error = files.get(name);
    if (error !== undefined) throw error;
    return stored(name);
  });
  const bad = Array.from({ length: 40 }, (_, index) => createEntry(`bad${index}.example.com`));
  for (const { name } of bad) {
    files.set(name, new LinkgateError('ERR_STORAGE_UNREADABLE', `storage file "${name}" cannot be read`));
  }
  const good = createEntry('good.example.com');
  await records.readUnknown([...bad, good], signal, onKnown);
  t.ok(good.isKnown);
  t.notOk(
    bad.some(({ isKnown }) => isKnown),
    'nothing is ordered for them',
  );
  t.equal(of('storage.failed').length, 0, 'the storage works');
  t.same(new Set(of('context.failed').map(({ domain }) => domain)), new Set(files.keys()));
  t.match(bad[0]?.state, {
    failures: 1,
    lastProblem: { type: 'ERR_STORAGE_UNREADABLE', detail: 'storage file "bad0.example.com" cannot be read' },
  });
  t.equal(records.readAtMs(), clock.now() + 2_000, 'they are read again');
  records.readSoon();
  await records.readUnknown(bad, signal, onKnown);
  t.equal(of('context.failed').length, 40, 'told once');
  files.clear();
  records.readSoon();
  await records.readUnknown(bad, signal, onKnown);
  t.ok(bad.every(({ isKnown, state }) => isKnown && state?.lastProblem === null));
  t.equal(asked.length, 121);
});
