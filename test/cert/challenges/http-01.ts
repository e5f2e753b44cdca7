import * as fc from 'fast-check';
import t from 'tap';
import {
  createAnswerChallenge,
  createChallengeAnswers,
  isToken,
} from '../../../src/cert/challenges/http-01.ts';
import { LinkgateError } from '../../../src/core/errors.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { recorder } from '../../helpers/recorder.ts';
import { until } from '../../helpers/until.ts';

t.test('a presented challenge is answered, for its host alone, until it is removed', async (t) => {
  const storage = createMemoryStorage();
  const { emit, names } = recorder();
  const answers = createChallengeAnswers({ storage });
  const answer = createAnswerChallenge({ storage, emit, clock: fakeClock() });
  await answers.present('links.example.com', 'tok_-en', 'tok_-en.thumb');
  t.equal(await answer('links.example.com', 'tok_-en'), 'tok_-en.thumb');
  t.equal(await answer('LINKS.example.com.', 'tok_-en'), 'tok_-en.thumb');
  t.equal(await answer('clicks.example.com', 'tok_-en'), undefined);
  t.equal(await answer('links.example.com', 'other'), undefined);
  await answers.remove('links.example.com', 'tok_-en');
  t.equal(await answer('links.example.com', 'tok_-en'), undefined);
  t.same(names(), []);
});

t.test('a new answer removes what a killed process left, for its host alone', async (t) => {
  const storage = createMemoryStorage();
  const answers = createChallengeAnswers({ storage });
  await answers.present('links.example.com', 'left', 'left.thumb');
  await answers.present('clicks.example.com', 'open', 'open.thumb');
  await answers.present('links.example.com', 'new', 'new.thumb');
  t.same(await storage.list('challenges'), [
    'challenges/http-01/clicks.example.com/open',
    'challenges/http-01/links.example.com/new',
  ]);
});

t.test('no token and no host of a request makes it throw or read anything else', async (t) => {
  const storage = createMemoryStorage();
  const { emit, names } = recorder();
  const answer = createAnswerChallenge({ storage, emit, clock: fakeClock() });
  for (const token of ['', '.', '..', 'a/b', '../accounts', 'a\0', 'a.b', 'x'.repeat(129), 'ä', '%2e']) {
    t.equal(isToken(token), false);
    t.equal(await answer('links.example.com', token), undefined, JSON.stringify(token));
  }
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary' }),
      async (host, token) => (await answer(host, token)) === undefined,
    ),
  );
  t.same(names(), []);
});

t.test('a storage failure is reported, and the response is as if there were no challenge', async (t) => {
  const { emit, of } = recorder();
  const failing = {
    ...createMemoryStorage(),
    list: () =>
      Promise.reject(new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'storage "/x" cannot be read: EIO')),
  };
  const answer = createAnswerChallenge({ storage: failing, emit, clock: fakeClock() });
  t.equal(await answer('links.example.com', 'token'), undefined);
  t.same(of('storage.failed'), [
    { code: 'ERR_STORAGE_UNAVAILABLE', message: 'storage "/x" cannot be read: EIO' },
  ]);
});

/** A storage whose looks end when they are told to, and which counts. */
const slowStorage = () => {
  const storage = createMemoryStorage();
  const looks: (() => void)[] = [];
  const read: string[] = [];
  return {
    ...storage,
    looks,
    readKeys: read,
    list: async (prefix: string) => {
      const found = await storage.list(prefix);
      await new Promise<void>((resolve) => looks.push(resolve));
      return found;
    },
    read: (key: string) => {
      read.push(key);
      return storage.read(key);
    },
  };
};

t.test('thousands of tokens cost two listings at most, and only the open one is read', async (t) => {
  const storage = slowStorage();
  const { emit, names } = recorder();
  const answer = createAnswerChallenge({ storage, emit, clock: fakeClock() });
  await storage.write('challenges/http-01/links.example.com/open', 'open.thumb');
  const flood = Array.from({ length: 5_000 }, (_, i) => answer('links.example.com', `flood${i}`));
  const good = answer('links.example.com', 'open');
  await until('a look began', () => storage.looks.length === 1);
  storage.looks[0]?.();
  await until('the next began', () => storage.looks.length === 2);
  storage.looks[1]?.();
  t.equal(await good, 'open.thumb');
  t.same(new Set(await Promise.all(flood)), new Set([undefined]));
  t.equal(storage.looks.length, 2);
  t.same(storage.readKeys, ['challenges/http-01/links.example.com/open']);
  t.same(names(), []);
});

t.test('the listing begins after the question: an earlier answer is always seen', async (t) => {
  const storage = slowStorage();
  const { emit } = recorder();
  const answer = createAnswerChallenge({ storage, emit, clock: fakeClock() });
  const early = answer('links.example.com', 'token');
  await until('a look began', () => storage.looks.length === 1);
  await storage.write('challenges/http-01/links.example.com/token', 'token.thumb');
  const late = answer('links.example.com', 'token');
  storage.looks[0]?.();
  t.equal(await early, undefined);
  await until('the next began', () => storage.looks.length === 2);
  storage.looks[1]?.();
  t.equal(await late, 'token.thumb');
  const after = answer('links.example.com', 'token');
  await until('and one behind a rest', () => storage.looks.length === 3);
  storage.looks[2]?.();
  t.equal(await after, 'token.thumb');
});

t.test(
  'sixteen hosts are listed at once, the others in turn; a failed listing frees its place',
  async (t) => {
    const storage = slowStorage();
    const failing = {
      ...storage,
      list: async (prefix: string) => {
        const found = await storage.list(prefix);
        if (prefix.endsWith('/h3.example.com')) throw new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'EIO');
        return found;
      },
    };
    const { emit, of } = recorder();
    const answer = createAnswerChallenge({ storage: failing, emit, clock: fakeClock() });
    const all = Array.from({ length: 40 }, (_, i) => answer(`h${i}.example.com`, 'token'));
    await until('sixteen began', () => storage.looks.length === 16);
    for (let i = 0; i < 40; i += 1) {
      await until(`look ${i}`, () => storage.looks.length > i);
      t.ok(storage.looks.length <= i + 16);
      storage.looks[i]?.();
    }
    t.same(new Set(await Promise.all(all)), new Set([undefined]));
    t.equal(of('storage.failed').length, 1);
  },
);

t.test('without a stored answer the known account answers for any token of a CA', async (t) => {
  const storage = createMemoryStorage();
  const { emit, of } = recorder();
  const clock = fakeClock();
  const thumbprints: (string | undefined | Error)[] = [undefined, 'thumb', new Error('EIO')];
  let asked = 0;
  const answer = createAnswerChallenge({
    storage,
    emit,
    clock,
    thumbprint: async () => {
      const found = thumbprints[asked];
      asked += 1;
      if (found instanceof Error) throw found;
      return found;
    },
  });
  const token = 'a'.repeat(43);
  const ask = (one = token) => answer('links.example.com', one);
  t.equal(await ask(), undefined, 'no account yet');
  await ask();
  t.equal(asked, 1, 'and nobody makes that a look at the storage each');
  await clock.advance(10_000);
  t.equal(await ask(), `${token}.thumb`);
  t.equal(await ask('b'.repeat(22)), `${'b'.repeat(22)}.thumb`);
  t.equal(await ask('b'.repeat(21)), undefined, 'no token of a CA is so short: it is a path like any other');
  t.equal(await ask(`${token}.`), undefined);
  t.equal(await ask('b'.repeat(129)), undefined);
  await createChallengeAnswers({ storage }).present('links.example.com', token, `${token}.other`);
  t.equal(await ask(), `${token}.other`, 'what is stored goes before it: the account may be another one');
  await createChallengeAnswers({ storage }).remove('links.example.com', token);
  await clock.advance(10_000);
  t.equal(await ask(), undefined);
  t.equal(of('storage.failed').length, 1);
  t.equal(asked, 3);
});
