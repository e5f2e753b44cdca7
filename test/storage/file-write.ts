import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import { isTemporary, replaceFile, temporaryPath, writeNew } from '../../src/storage/file-write.ts';
import { isSegment } from '../../src/storage/keys.ts';
import { tempDir } from '../helpers/temp-dir.ts';

t.test('a file is replaced, and nothing is left next to it', async (t) => {
  const folder = tempDir(t);
  writeFileSync(join(folder, 'value'), 'old', { mode: 0o644 });
  await replaceFile(join(folder, 'value'), 'new');
  t.equal(readFileSync(join(folder, 'value'), 'utf8'), 'new');
  t.equal(statSync(join(folder, 'value')).mode & 0o777, 0o600);
  t.same(readdirSync(folder), ['value']);
});

t.test('a replacement that fails leaves the old one and no rest', async (t) => {
  const folder = tempDir(t);
  await replaceFile(join(folder, 'value'), 'old');
  // longer than a name may be, which the temporary file is not
  await t.rejects(replaceFile(join(folder, 'x'.repeat(256)), 'new'), { code: 'ENAMETOOLONG' });
  t.same(readdirSync(folder), ['value']);
  t.equal(readFileSync(join(folder, 'value'), 'utf8'), 'old');
});

t.test('a folder in the place of a file is moved aside, with all that is in it', async (t) => {
  const folder = tempDir(t);
  mkdirSync(join(folder, 'value'));
  writeFileSync(join(folder, 'value/inside'), 'kept');
  const aside = await replaceFile(join(folder, 'value'), 'new');
  t.equal(readFileSync(join(folder, 'value'), 'utf8'), 'new');
  t.ok(isTemporary(basename(aside ?? '')));
  t.equal(readFileSync(join(aside ?? '', 'inside'), 'utf8'), 'kept');
  t.equal(await replaceFile(join(folder, 'value'), 'newer'), undefined);
});

t.test('a new file never overwrites', async (t) => {
  const path = join(tempDir(t), 'value');
  await writeNew(path, 'first');
  await t.rejects(writeNew(path, 'second'), { code: 'EEXIST' });
  t.equal(readFileSync(path, 'utf8'), 'first');
});

t.test('a temporary name can be no key', async (t) => {
  const name = temporaryPath('/x').slice(3);
  t.ok(isTemporary(name));
  t.notOk(isSegment(name));
});
