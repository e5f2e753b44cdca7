import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readPassword } from '../../src/cli/password.ts';
import { tempDir } from '../helpers/temp-dir.ts';

t.test('a password is the first line of its file', async (t) => {
  const file = join(tempDir(t), 'password');
  for (const [text, password] of [
    ['correct horse\n', 'correct horse'],
    ['correct horse', 'correct horse'],
    ['one\r\ntwo\r\n', 'one'],
    ['', ''],
  ] as const) {
    writeFileSync(file, text);
    t.equal(await readPassword(file), password);
  }
  await t.rejects(readPassword(`${file}.none`), { code: 'ERR_USAGE', message: /cannot be read$/ });
});

t.test('without a file and without a terminal nobody can be asked', async (t) => {
  const { isTTY } = process.stdin;
  t.teardown(() => Object.assign(process.stdin, { isTTY }));
  Object.assign(process.stdin, { isTTY: false });
  await t.rejects(readPassword(undefined), { code: 'ERR_USAGE', message: /--password-file/ });
});
