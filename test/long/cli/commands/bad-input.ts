// What people do wrong, or find broken, with every command: one line says what is wrong, another how to fix it; the exit code is
// right, and there is never a stack trace.

import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { freePort } from '../../../helpers/free-port.ts';
import { executable, linkgateCommand, type CommandResult } from '../../../helpers/linkgate-command.ts';
import { writeConfig } from '../../../helpers/linkgate.ts';
import { tempDir } from '../../../helpers/temp-dir.ts';

/** Two lines on stderr and nothing else: `linkgate: …`, then the code and its remedy. */
const isClear = (t: Test, name: string, result: CommandResult, status: number, said: RegExp): void => {
  t.match(result, { status, stdout: '', stderr: said }, name);
  t.match(result.stderr, /^linkgate: [^\n]+\nERR_[A-Z_]+: [^\n]+\n$/, `${name}: two lines`);
};

const config = async (folder: string, change: object = {}) => ({
  listen: { https: '127.0.0.1:0', http: '127.0.0.1:0', admin: `127.0.0.1:${await freePort()}` },
  upstream: { url: 'https://127.0.0.1:9', serverName: 'tracker.example.com' },
  certificates: { storage: { type: 'file', path: join(folder, 'certs') }, issuers: [{ type: 'local' }] },
  domains: [{ name: 'links.example.com' }, { name: 'clicks.example.net' }],
  ...change,
});

const inTurn = async (
  commands: readonly (readonly string[])[],
  run: (words: readonly string[]) => Promise<void>,
): Promise<void> => {
  const queue = [...commands];
  const work = async (): Promise<void> => {
    for (let words = queue.shift(); words !== undefined; words = queue.shift()) await run(words);
  };
  await Promise.all([work(), work()]);
};

t.test('a domain that is not configured: every command names it, and the name that was meant', async (t) => {
  const folder = tempDir(t);
  const path = writeConfig(folder, await config(folder));
  mkdirSync(join(folder, 'certs'), { mode: 0o700 });
  const commands = [
    ['doctor', 'x.example'],
    ['dns', 'x.example', '--to', '203.0.113.7'],
    ['retire', 'x.example'],
    ['certs', 'show', 'x.example'],
    ['certs', 'issue', 'x.example'],
    ['certs', 'renew', 'x.example'],
  ];
  await inTurn(commands, async (words) => {
    const result = await linkgateCommand([...words, '--config', path]);
    isClear(t, words.join(' '), result, 1, /^linkgate: domain "x\.example" is not configured\n/);
    const misspelt = words.map((word) => (word === 'x.example' ? 'lniks.example.com' : word));
    const hint = await linkgateCommand([...misspelt, '--config', path]);
    isClear(t, misspelt.join(' '), hint, 1, /is not configured: did you mean "links\.example\.com"\?\n/);
  });
});

/** Each needs a configuration. */
const EVERY = [
  ['run'],
  ['check'],
  ['status'],
  ['reload'],
  ['doctor'],
  ['dns'],
  ['retire', 'links.example.com'],
  ['certs', 'list'],
];
/** Where all of them take the same way, these stand for the others. */
const SOME = [['run'], ['dns'], ['certs', 'list']];

t.test('a configuration that is half-written, empty, none at all', async (t) => {
  const folder = tempDir(t);
  const write = (name: string, content: string | Buffer): string => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const cut = write('cut.yaml', 'certificates:\n  storage: { path: /var/lib\ndomains:\n  - name: links.exa');
  await inTurn(EVERY, async (words) => {
    const { status, stdout, stderr } = await linkgateCommand([...words, '--config', cut]);
    t.match({ status, stdout }, { status: 78, stdout: '' }, words.join(' '));
    t.match(
      stderr,
      /^linkgate: configuration has \d+ problems?:\n( {2}\S+cut\.yaml:\d+:\d+ [^\n]+\n)+ERR_CONFIG_INVALID: /,
    );
  });
  for (const [name, content, said] of [
    ['empty.yaml', '', /the configuration is empty/],
    ['cut-word.yaml', 'domai', /must be a mapping/],
    ['binary.yaml', Buffer.from([0xff, 0xfe, 0x00, 0x80]), /is not UTF-8/],
    ['tab.yaml', 'domains:\n\t- name: a.example', /tab/i],
  ] as const) {
    const { status, stderr } = await linkgateCommand(['check', '--config', write(name, content)]);
    t.equal(status, 78, name);
    t.match(stderr, said);
    t.notMatch(stderr, /^ +at /m);
  }
  await inTurn(SOME, async (words) => {
    const result = await linkgateCommand(words, { cwd: folder, env: { LINKGATE_CONFIG: 'none.yaml' } });
    isClear(t, words.join(' '), result, 78, /"none\.yaml" does not exist/);
  });
});

t.test('no answer: from the proxy, the CA, a name server', async (t) => {
  const folder = tempDir(t);
  const path = writeConfig(folder, await config(folder));
  await inTurn([['status'], ['reload']], async (words) => {
    const result = await linkgateCommand([...words, '--config', path]);
    isClear(t, words.join(' '), result, 69, /does not answer: ECONNREFUSED/);
  });
  const directory = `https://localhost:${await freePort()}/dir`;
  const storage = { type: 'file', path: join(folder, 'certs') };
  const acme = writeConfig(
    folder,
    await config(folder, { certificates: { storage, issuers: [{ type: 'acme', directory }] } }),
  );
  const issue = await linkgateCommand(['certs', 'issue', 'links.example.com', '--config', acme]);
  isClear(t, 'certs issue', issue, 69, /ECONNREFUSED/);
  const resolver = `127.0.0.1:${await freePort()}`;
  const dns = await linkgateCommand(['dns', '--config', path, '--resolver', resolver, '--to', '203.0.113.7']);
  t.match(dns, { status: 0, stderr: '', stdout: / failed +A +links\.example\.com / });
  const doctor = await linkgateCommand(['doctor', '--config', path, '--resolver', resolver]);
  t.match(doctor, {
    status: 1,
    stderr: '',
    stdout: /FAIL {2}dns +links\.example\.com could not be looked up/,
  });
});

/** Runs it without the rights that let root pass every file's mode. */
const unprivileged = async (args: readonly string[]): Promise<CommandResult> => {
  const isRoot = process.getuid?.() === 0;
  const rights = ['--bounding-set', '-dac_override,-dac_read_search', executable];
  const [program, words] = isRoot ? ['setpriv', [...rights, ...args]] : [executable, args];
  const child = spawn(program, words, {
    env: { PATH: process.env['PATH'] ?? '' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve).once('error', reject);
  });
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { status, stdout, stderr };
};

t.test('no permission: for the configuration, its folder, the storage', async (t) => {
  const folder = tempDir(t);
  const path = writeConfig(folder, await config(folder));
  const secret = join(folder, 'secret.yaml');
  writeFileSync(secret, 'domains: [{ name: a.example }]\n', { mode: 0o000 });
  await inTurn(SOME, async (words) => {
    const result = await unprivileged([...words, '--config', secret]);
    isClear(t, words.join(' '), result, 78, /may not be read by this user/);
  });

  mkdirSync(join(folder, 'certs'), { mode: 0o000 });
  t.teardown(() => chmodSync(join(folder, 'certs'), 0o700));
  await inTurn([['certs', 'list'], ['certs', 'issue', 'links.example.com'], ['run']], async (words) => {
    const result = await unprivileged([...words, '--config', path]);
    isClear(t, words.join(' '), result, 69, /EACCES/);
  });

  chmodSync(folder, 0o500);
  t.teardown(() => chmodSync(folder, 0o700));
  const retire = await unprivileged(['retire', 'links.example.com', '--now', '--config', path]);
  isClear(t, 'retire --now', retire, 78, /cannot be changed: EACCES/);
  const words = ['init', '--region', 'us', '--domain', 'links.example.com'];
  const init = await unprivileged([...words, '--config', join(folder, 'new', 'linkgate.yaml')]);
  isClear(t, 'init', init, 64, /cannot be written: EACCES/);
});
