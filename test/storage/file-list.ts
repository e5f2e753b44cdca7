import { chmodSync, existsSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { systemClock } from '../../src/core/platform/clock.ts';
import { keysBelow, sweepTemporary } from '../../src/storage/file-list.ts';
import { NOBODY } from '../helpers/linkgate.ts';
import { needsRoot } from '../helpers/needs.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const asNobody = async <T>(work: () => Promise<T>): Promise<T> => {
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
};

t.test('a folder that may not be entered hides what is in it alone', { skip: needsRoot() }, async (t) => {
  const root = tempDir(t);
  chmodSync(root, 0o777);
  for (const folder of ['open', 'closed']) {
    mkdirSync(join(root, folder));
    for (const file of ['a', '~old']) {
      writeFileSync(join(root, folder, file), '');
      utimesSync(join(root, folder, file), 0, 0);
    }
  }
  chmodSync(join(root, 'closed'), 0o700);
  chmodSync(join(root, 'open'), 0o777);
  symlinkSync('open', join(root, 'link'));
  const closed: string[] = [];
  const keys = await asNobody(() => keysBelow(root, 'p', (folder) => void closed.push(folder)));
  t.same(keys, ['p/open/a']);
  t.same(closed, [join(root, 'closed')]);
  const listing = asNobody(() => keysBelow(join(root, 'closed'), 'p', () => undefined));
  await t.rejects(
    listing.then(() => undefined),
    { code: 'EACCES' },
  );
  await asNobody(() => sweepTemporary(root, systemClock));
  t.notOk(existsSync(join(root, 'open/~old')));
  t.ok(existsSync(join(root, 'closed/~old')));
});

t.test('a folder that was moved aside stays as it is', async (t) => {
  const root = tempDir(t);
  mkdirSync(join(root, '~aside'));
  writeFileSync(join(root, '~aside/~old'), '');
  for (const path of ['~aside/~old', '~aside']) utimesSync(join(root, path), 0, 0);
  await sweepTemporary(root, systemClock);
  t.ok(existsSync(join(root, '~aside/~old')));
  await sweepTemporary(join(root, 'nothing'), systemClock);
});
