import t from 'tap';
import { createEntry, type Entry } from '../../../src/cert/renewal/queue/entry.ts';
import { NOTHING_YET } from '../../../src/cert/state/issuance-state.ts';
import { AttemptRecords } from '../../../src/cert/renewal/attempt-records.ts';
import type { NameStates } from '../../../src/cert/state/name-state.ts';
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
  const asked: string[] = [];
  const askedStates: string[] = [];
  const known: string[] = [];
  const onKnown = (entry: Entry, isGlance: boolean): void => void known.push(`${entry.name} ${isGlance}`);
  const records = new AttemptRecords({
    store: {
      read: (name) => {
        asked.push(name);
        return read(name);
      },
      glance: (name) => {
        asked.push(`glance ${name}`);
        return read(name);
      },
    },
    states: {
      list: async () => new Set(['n1.example.com']),
      read: async (name) => {
        askedStates.push(name);
        return NOTHING_YET;
      },
      update: async (_name, _wait, change) => change(NOTHING_YET),
    },
    clock: { ...clock, learn: (ms) => void learned.push(ms) },
    emit,
  });
  return { clock, of, learned, asked, askedStates, records, known, onKnown };
};

t.test('a name is read once, its key is not kept, and a certificate of a CA tells the time', async (t) => {
  const { records, learned, onKnown, known } = setUp(async (name) =>
    stored(name, name.startsWith('a') ? 'acme' : 'local'),
  );
  const [a, b] = [createEntry('a.example.com'), createEntry('b.example.com')];
  await records.readUnknown([a, b], signal, onKnown);
  t.ok(a.isKnown && b.isKnown);
  t.notMatch(JSON.stringify(a), /secret|chain/);
  t.same(learned, [7], 'the local CA has the clock of this machine');
  t.same(known, ['a.example.com false', 'b.example.com false']);
});

t.test('a name that cannot be read waits, longer each time, and does not delay the others', async (t) => {
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
  t.equal(asked.length, 3, 'unless it is called for');
  t.equal(records.readAtMs(), clock.now() + 4_000);
  clock.jump(clock.now() - 365 * 86_400_000);
  t.equal(records.readAtMs(), 0, 'when the clock goes back a year, no name waits so long');
  await records.readUnknown([good], signal, onKnown);
  records.readSoon();
  await records.readUnknown([bad], signal, onKnown);
  t.equal(records.readAtMs(), clock.now() + 2_000, 'after a read that worked, the pauses begin again');
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

t.test('a certificate that cannot be served counts as none', async (t) => {
  const { records, of, onKnown } = setUp(() =>
    Promise.reject(new LinkgateError('ERR_CERT_INVALID', 'broken')),
  );
  const entry = createEntry('a.example.com');
  await records.readUnknown([entry], signal, onKnown);
  t.match(entry, { isKnown: true, certificate: undefined });
  t.match(of('context.failed'), [{ domain: 'a.example.com', code: 'ERR_CERT_INVALID' }]);
});

const remembering = (update: NameStates['update']) => {
  const { emit, of } = recorder();
  const records = new AttemptRecords({
    store: { read: async () => undefined, glance: async () => undefined },
    states: { read: async () => undefined, list: async () => new Set(), update },
    clock: fakeClock(),
    emit,
  });
  return { records, of };
};

t.test('a state that cannot be written is remembered in memory', async (t) => {
  const entry = createEntry('a.example.com');
  const broken = remembering(() => Promise.reject(down));
  await broken.records.remember(entry, () => ({ ...NOTHING_YET, failures: 3 }));
  t.equal(entry.state?.failures, 3);
  t.match(broken.of('storage.failed'), [{ code: 'ERR_STORAGE_UNAVAILABLE' }]);
  await broken.records.remember(entry, () => undefined);
  t.equal(entry.state?.failures, 3, 'or left as it is');

  const held = remembering(() => Promise.reject(new LinkgateError('ERR_STORAGE_LOCKED', 'held')));
  await held.records.remember(entry, (before = NOTHING_YET) => ({
    ...before,
    failures: before.failures + 1,
  }));
  t.equal(entry.state?.failures, 4);
  t.same(held.of('storage.failed'), [], 'a lock that another process holds is no failure of the storage');
});

t.test('what is remembered is what is stored, also when another process wrote it', async (t) => {
  const theirs = { ...NOTHING_YET, lastIssuedMs: 5 };
  const { records } = remembering(async (_name, _wait, change) => change(theirs) ?? theirs);
  const entry: Entry = { ...createEntry('a.example.com'), state: { ...NOTHING_YET, failures: 2 } };
  await records.remember(entry, () => undefined);
  t.same(entry.state, theirs);
});

t.test('very many are glanced at, and checked one by one', async (t) => {
  const { records, asked, askedStates, known, onKnown, of } = setUp(async (name) => stored(name));
  const entries = Array.from({ length: 600 }, (_, index) => createEntry(`n${index}.example.com`));
  const long = createEntry(`${'a.'.repeat(110)}example.com`);
  await records.readUnknown([...entries, long], signal, onKnown);
  t.equal(known.filter((line) => line.endsWith('true')).length, 601);
  t.ok(asked.every((line) => line.startsWith('glance ')));
  t.same(askedStates, ['n1.example.com', long.name], 'a state that is not there is not read');
  t.same(entries[0]?.certificate, { ...entries[0]?.certificate, domain: 'n0.example.com', serial: '1' });
  const [first, second] = entries;
  t.equal(first === undefined || (await records.inspect(first)), false);
  t.ok(first?.certificate);

  const bad = setUp(() => Promise.reject(new LinkgateError('ERR_CERT_INVALID', 'does not match its key')));
  if (second === undefined) throw new Error('no entry');
  t.equal(await bad.records.inspect(second), true);
  t.equal(second.certificate, undefined, 'it counts as none');
  t.match(bad.of('context.failed'), [{ code: 'ERR_CERT_INVALID' }]);
  t.equal(await setUp(() => Promise.reject(down)).records.inspect(long), false, 'no reason to order');
  t.same(of('context.failed'), []);
});

t.test('names whose own file cannot be read delay no other name, also when they come first', async (t) => {
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
  t.equal(of('context.failed').length, 40, 'reported once');
  files.clear();
  records.readSoon();
  await records.readUnknown(bad, signal, onKnown);
  t.ok(bad.every(({ isKnown, state }) => isKnown && state?.lastProblem === null));
  t.equal(asked.length, 121);
});
