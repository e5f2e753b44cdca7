import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { readPassword } from '../../../src/cli/arguments/password.ts';
import { needs } from '../../helpers/needs.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const run = promisify(execFile);
/** the built one: the command has no loader */
const module = new URL('../../../dist/cli/arguments/password.js', import.meta.url).href;

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

t.test('without a file and without a terminal it refuses', async (t) => {
  const { isTTY } = process.stdin;
  t.teardown(() => Object.assign(process.stdin, { isTTY }));
  Object.assign(process.stdin, { isTTY: false });
  await t.rejects(readPassword(undefined), { code: 'ERR_USAGE', message: /--password-file/ });
});

const ASK = `
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b''
while b'Password: ' not in seen:
    seen += os.read(fd, 1024)
os.write(fd, b'correct horse\\r')
try:
    while True:
        more = os.read(fd, 1024)
        if not more: break
        seen += more
except OSError:
    pass
_, status = os.waitpid(pid, 0)
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(status))
`;

t.test('at a terminal a person is asked, and nothing is shown', { skip: needs('python3') }, async (t) => {
  const script = `import { readPassword } from ${JSON.stringify(module)};
    const password = await readPassword(undefined);
    console.log(password === 'correct horse' ? 'understood' : 'misheard');`;
  const args = ['-c', ASK, process.execPath, '--input-type=module', '-e', script];
  const { stdout } = await run('python3', args, {
    timeout: 20_000,
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  t.match(stdout, /^Password: /);
  t.match(stdout, 'understood');
  t.notMatch(stdout, 'horse');
});
