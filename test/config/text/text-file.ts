import { execFileSync } from 'node:child_process';
import t from 'tap';
import { LARGEST_FILE_BYTES, readTextFile } from '../../../src/config/text/text-file.ts';
import { configFiles } from '../../helpers/config-files.ts';

t.test('reads UTF-8 and drops a byte order mark', async (t) => {
  const { write } = configFiles(t);
  t.strictSame(await readTextFile(write('a', '\uFEFFä\n')), { text: 'ä\n' });
});

const said = async (path: string, maxBytes?: number): Promise<string> => {
  const file = await readTextFile(path, maxBytes);
  return 'problem' in file ? file.problem : 'was read';
};

t.test('says in a line why a file cannot be read', async (t) => {
  const { folder, write } = configFiles(t);
  execFileSync('mkfifo', [`${folder}/fifo`]);
  t.match(await said(`${folder}/none`), /none" does not exist$/);
  t.match(await said(folder), /is a folder$/);
  t.match(await said(`${write('b', 'x')}/c`), /is below something that is not a folder$/);
  t.match(await said(write('latin1', Buffer.from([0x61, 0xe4, 0x0a]))), /is not UTF-8$/);
  t.match(await said(write('large', 'x'.repeat(11)), 10), /is larger than 10 bytes$/);
  t.match(await said('/dev/zero'), /is not a regular file$/);
  t.match(await said('a\0b'), /cannot be read/);
  t.match(await said(`${folder}/fifo`), /is not a regular file$/, 'and does not wait for a writer');
  t.equal(LARGEST_FILE_BYTES, 16 * 1024 * 1024);
});
