import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Folders } from '../../src/storage/file-folders.ts';
import { tempDir } from '../helpers/temp-dir.ts';

t.test('a folder is found when it exists, and made when it does not', async (t) => {
  const root = tempDir(t);
  const folders = new Folders(root);
  t.equal(await folders.existing(['a', 'b']), undefined);
  t.equal(await folders.made(['a', 'b']), join(root, 'a/b'));
  t.equal(await folders.made(['a', 'b']), join(root, 'a/b'), 'a second time as well');
  t.equal(await folders.existing(['a', 'b']), join(root, 'a/b'));
  t.equal(await folders.existing([]), root);
});

t.test('a missing root is a failure, not an absence', async (t) => {
  const root = join(tempDir(t), 'gone');
  const folders = new Folders(root);
  for (const find of [folders.existing([]), folders.existing(['a']), folders.made(['a'])])
    await t.rejects(find, { code: 'ENOENT' });
});

t.test('a link is refused, also in the middle of a path', async (t) => {
  const [root, elsewhere] = [tempDir(t), tempDir(t)];
  mkdirSync(join(elsewhere, 'b'));
  symlinkSync(elsewhere, join(root, 'a'));
  const folders = new Folders(root);
  for (const segments of [['a'], ['a', 'b']]) {
    await t.rejects(folders.existing(segments), { message: /is a link that leads elsewhere/ });
    await t.rejects(folders.made(segments), { message: /is a link that leads elsewhere/ });
  }
});

t.test('a folder that was found a moment ago is not looked for again; an absent one is', async (t) => {
  const root = tempDir(t);
  const folders = new Folders(root);
  t.equal(await folders.existingLately(['a']), undefined);
  mkdirSync(join(root, 'a'));
  t.equal(await folders.existingLately(['a']), join(root, 'a'));
  renameSync(join(root, 'a'), join(root, 'b'));
  t.equal(await folders.existingLately(['a']), join(root, 'a'), 'from memory, within a second');
  t.equal(await folders.existing(['a']), undefined);
  rmSync(root, { recursive: true });
});
