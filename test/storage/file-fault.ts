import t from 'tap';
import { LinkgateError } from '../../src/core/errors.ts';
import { createFaults, isOfOneFile, unavailable, unreadable } from '../../src/storage/file-fault.ts';

t.test(
  'a file of another user is a fault of that file; a disk that fails is one of the storage',
  async (t) => {
    for (const code of ['EACCES', 'ELOOP', 'ENXIO', 'EFBIG']) t.ok(isOfOneFile({ code }), code);
    for (const code of ['EIO', 'EMFILE', 'ENOENT', 'ESTALE', undefined])
      t.notOk(isOfOneFile({ code }), String(code));
    const cause = Object.assign(new Error('no'), { code: 'EIO' });
    t.match(unavailable('/x', 'read', cause), {
      code: 'ERR_STORAGE_UNAVAILABLE',
      message: 'storage "/x" cannot be read: EIO',
      details: { path: '/x', code: 'EIO' },
    });
    const own = unreadable('/x/a', 'cannot be read: EACCES', cause);
    t.match(own, {
      code: 'ERR_STORAGE_UNREADABLE',
      message: 'storage file "/x/a" cannot be read: EACCES',
      details: { path: '/x/a' },
    });
    t.equal(unavailable('/x', 'read', own), own);
  },
);

t.test('a fault is told once, and again when the file was well in between', async (t) => {
  const told: string[] = [];
  const faults = createFaults(({ message }: LinkgateError) => void told.push(message));
  const error = unreadable('/x/a', 'is none');
  for (let index = 0; index < 3; index += 1) faults.tell('a', error);
  faults.isWell('b');
  faults.tell('a', error);
  t.equal(told.length, 1);
  faults.isWell('a');
  faults.tell('a', error);
  t.equal(told.length, 2);
  for (let index = 0; index < 1_000; index += 1) faults.tell(`n${index}`, error);
  t.equal(told.length, 1_002);
});
