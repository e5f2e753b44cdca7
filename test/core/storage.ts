import t from 'tap';
import { LinkgateError } from '../../src/core/errors.ts';
import { isUnreadable, readWhereReadable } from '../../src/core/storage.ts';

const failing = (thrown: unknown) => ({
  read: async (): Promise<undefined> => {
    throw thrown;
  },
});

t.test('one value that cannot be read is as none; a storage that fails is told', async (t) => {
  const one = new LinkgateError('ERR_STORAGE_UNREADABLE', 'one');
  const all = new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'all');
  t.equal(await readWhereReadable(failing(one), 'a'), undefined);
  await t.rejects(
    readWhereReadable(failing(all), 'a').then(() => undefined),
    all,
  );
  t.equal(String(await readWhereReadable({ read: async () => Buffer.from('x') }, 'a')), 'x');
  t.same([one, all, new Error('x'), undefined].map(isUnreadable), [true, false, false, false]);
});
