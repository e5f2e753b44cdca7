import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readWhole } from '../../src/storage/file-read.ts';
import { tempDir } from '../helpers/temp-dir.ts';

t.test('the whole content, however long', async (t) => {
  const folder = tempDir(t);
  for (const size of [0, 1, 8_192, 3_000_000]) {
    const content = Buffer.alloc(size, 'linkgate ');
    writeFileSync(join(folder, 'file'), content);
    t.ok((await readWhole(join(folder, 'file'))).equals(content), `${size} bytes`);
  }
});

t.test('what is no file of its own is an error', async (t) => {
  const folder = tempDir(t);
  writeFileSync(join(folder, 'file'), 'x');
  symlinkSync('file', join(folder, 'link'));
  mkdirSync(join(folder, 'folder'));
  await t.rejects(readWhole(join(folder, 'nothing')), { code: 'ENOENT' });
  await t.rejects(readWhole(join(folder, 'folder')), { code: 'EISDIR' });
  await t.rejects(readWhole(join(folder, 'link')), { code: 'ELOOP' });
  spawnSync('mkfifo', [join(folder, 'pipe')]);
  await t.rejects(readWhole(join(folder, 'pipe')), { code: 'ENXIO' }, 'at once');
  writeFileSync(join(folder, 'large'), '');
  truncateSync(join(folder, 'large'), 8 * 1024 ** 3);
  await t.rejects(readWhole(join(folder, 'large')), { code: 'EFBIG' });
});
