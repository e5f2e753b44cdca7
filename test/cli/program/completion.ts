// The scripts, and what bash makes of the one for it.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import t from 'tap';
import { needs } from '../../helpers/needs.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { linkgateCommand } from '../../helpers/linkgate-command.ts';

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

t.test('fish completes them with their descriptions', { skip: needs('fish') }, async (t) => {
  const { stdout: script } = await linkgateCommand(['completion', 'fish']);
  const file = join(tempDir(t), 'linkgate.fish');
  writeFileSync(file, script);
  const complete = (line: string): string[][] => {
    const ask = `source ${file}; complete -C '${line}'`;
    const { stdout, stderr } = spawnSync('fish', ['--no-config', '-c', ask], {
      encoding: 'utf8',
      timeout: 30_000,
      env: { ...process.env, HOME: tempDir(t) },
    });
    if (stderr !== '') throw new Error(stderr);
    return stdout.split('\n').flatMap((one) => (one === '' ? [] : [one.split('\t')]));
  };
  t.match(complete('linkgate sta'), [['status', /^show /]]);
  t.strictSame(
    complete('linkgate certs re').map(([word]) => word),
    ['renew', 'revoke'],
  );
  t.strictSame(complete('linkgate certs renew re'), [], 'one of them is enough');
  t.match(complete('linkgate certs renew links.example.com --f'), [['--force', /./]]);
  t.match(complete('linkgate status --config /etc/passw'), [['/etc/passwd']], 'a file');
  t.strictSame(complete('linkgate doctor /etc/passw'), [], 'no file where none is wanted');
});

/** An interactive zsh in a pseudo-terminal, which completes by itself: what it shows after the tab. */
const ZSH = String.raw`
zmodload zsh/zpty || exit 9
zpty -b shell 'zsh -f -i'
wait_for() { local seen='' part; repeat 400; do zpty -r -t shell part && seen+=$part || sleep 0.05; [[ $seen == *$1* ]] && break; done; print -r -- "$seen"; }
zpty -w shell "PS1=; PROMPT_EOL_MARK=; autoload -Uz compinit && compinit -D -u; source $1; LISTMAX=0; setopt no_list_beep; bindkey '^I' list-choices; bindkey '^X^C' complete-word; print REA''DY"
wait_for READY >/dev/null
zpty -w -n shell "$2"$'\t'
wait_for "$3"
zpty -d shell
`;

t.test('zsh completes them with their descriptions', { skip: needs('zsh') }, async (t) => {
  const { stdout: script } = await linkgateCommand(['completion', 'zsh']);
  const folder = tempDir(t);
  const file = join(folder, '_linkgate');
  writeFileSync(file, script);
  const complete = (line: string, expected: string): string => {
    const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', ZSH, 'zsh', file, line, expected], {
      encoding: 'utf8',
      timeout: 60_000,
      env: { ...process.env, HOME: folder, TERM: 'dumb', COLUMNS: '200' },
    });
    if (stderr !== '') throw new Error(stderr);
    return stripVTControlCharacters(stdout);
  };
  t.match(complete('linkgate st', 'status'), /\bstatus +-- show /);
  t.match(complete('linkgate certs re', 'revoke'), /\brenew +-- .*\n?[^]*\brevoke +-- /);
  t.match(complete('linkgate certs renew a.example --f', 'force'), /--force +-- /);
  t.match(complete('linkgate status --config /etc/passw', 'passwd'), /passwd/, 'a file');
  const syntax = spawnSync('zsh', ['-f', '-n', file], { encoding: 'utf8' });
  t.match(syntax, { status: 0, stderr: '' });
});

t.test('a shell that is not known', async (t) => {
  t.match(await linkgateCommand(['completion', 'csh']), {
    status: 64,
    stdout: '',
    stderr: /^linkgate: shell "csh"/,
  });
  t.match(await linkgateCommand(['completion', 'toString']), { status: 64 });
});
