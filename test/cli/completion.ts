// The scripts, and what bash makes of the one for it.

import { spawnSync } from 'node:child_process';
import t from 'tap';
import { linkgateCommand } from '../helpers/linkgate-command.ts';

const complete = (script: string, ...words: readonly string[]): string[] => {
  const quoted = words.map((word) => `'${word}'`).join(' ');
  const ask = `COMP_WORDS=(linkgate ${quoted}); COMP_CWORD=${words.length}; _linkgate; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', `${script}\n${ask}`], {
    encoding: 'utf8',
    timeout: 10_000,
  });
  if (stderr !== '') throw new Error(stderr);
  return stdout.split('\n').filter((line) => line !== '');
};

t.test('bash completes commands, commands below them, options and files', async (t) => {
  const { status, stdout, stderr } = await linkgateCommand(['completion', 'bash']);
  t.match({ status, stderr }, { status: 0, stderr: '' });
  t.strictSame(complete(stdout, 'sta'), ['status']);
  t.strictSame(complete(stdout, 'certs', 're'), ['renew', 'revoke']);
  t.strictSame(complete(stdout, 'certs', 'renew', 'links.example.com', '--f'), ['--force']);
  t.strictSame(complete(stdout, 'doctor', 'links.example.com', '--r'), ['--resolver']);
  t.ok(complete(stdout, 'status', '--config', '/etc/passw').includes('/etc/passwd'), 'a file');
  t.strictSame(complete(stdout, 'nothing', ''), []);
});

t.test('zsh and fish get the same words', async (t) => {
  t.match(
    (await linkgateCommand(['completion', 'zsh'])).stdout,
    /^#compdef linkgate\n.*bashcompinit\n_linkgate\(\)/,
  );
  const { stdout } = await linkgateCommand(['completion', 'fish']);
  t.match(stdout, /^complete -c linkgate -f -n '__fish_use_subcommand' -a status -d 'how /m);
  t.match(
    stdout,
    /^complete -c linkgate -n '__fish_seen_subcommand_from certs; and __fish_seen_subcommand_from renew' -l force /m,
  );
  t.match(await linkgateCommand(['completion', 'csh']), {
    status: 64,
    stdout: '',
    stderr: /^linkgate: shell "csh"/,
  });
  t.match(await linkgateCommand(['completion', 'toString']), { status: 64 });
});
