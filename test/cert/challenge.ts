import * as fc from 'fast-check';
import t from 'tap';
import { createAnswerChallenge, createChallengeAnswers, isToken } from '../../src/cert/challenge.ts';
import { GateError } from '../../src/core/errors.ts';
import { createMemoryStorage } from '../../src/storage/memory.ts';
import { recorder } from '../helpers/recorder.ts';

t.test('what is presented is answered, for its host alone, until it is removed', async (t) => {
  const storage = createMemoryStorage();
  const { emit, names } = recorder();
  const answers = createChallengeAnswers({ storage });
  const answer = createAnswerChallenge({ storage, emit });
  await answers.present('links.example.com', 'tok_-en', 'tok_-en.thumb');
  t.equal(await answer('links.example.com', 'tok_-en'), 'tok_-en.thumb');
  t.equal(await answer('LINKS.example.com.', 'tok_-en'), 'tok_-en.thumb');
  t.equal(await answer('clicks.example.com', 'tok_-en'), undefined);
  t.equal(await answer('links.example.com', 'other'), undefined);
  await answers.remove('links.example.com', 'tok_-en');
  t.equal(await answer('links.example.com', 'tok_-en'), undefined);
  t.same(names(), []);
});

t.test('a new answer takes away what a killed process left, for its host alone', async (t) => {
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

t.test('no token and no host from outside can make it throw or read anything else', async (t) => {
  const storage = createMemoryStorage();
  const { emit, names } = recorder();
  const answer = createAnswerChallenge({ storage, emit });
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

t.test('a storage that fails is told, and answers as if there were no challenge', async (t) => {
  const { emit, of } = recorder();
  const failing = {
    ...createMemoryStorage(),
    read: () => Promise.reject(new GateError('ERR_STORAGE_UNAVAILABLE', 'storage "/x" cannot be read: EIO')),
  };
  const answer = createAnswerChallenge({ storage: failing, emit });
  t.equal(await answer('links.example.com', 'token'), undefined);
  t.same(of('storage.failed'), [
    { code: 'ERR_STORAGE_UNAVAILABLE', message: 'storage "/x" cannot be read: EIO' },
  ]);
});
