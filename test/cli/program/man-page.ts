import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import t from 'tap';
import { manPage } from '../../../src/cli/program/man-page.ts';
import { createProgram } from '../../../src/cli/program/program.ts';
import { packageVersion } from '../../../src/core/platform/version.ts';

const program = createProgram(() => undefined);
const page = manPage(program, packageVersion());

t.test('docs/man/linkgate.1 is the page of this table: npm run man', async (t) => {
  t.equal(readFileSync(new URL('../../../docs/man/linkgate.1', import.meta.url), 'utf8'), page);
});

t.test('every command and every option is in it', async (t) => {
  const plain = page.replaceAll('\\-', '-');
  const look = (command: Command): void => {
    for (const { flags } of command.options) t.ok(plain.includes(`\n.B ${flags}\n`), flags);
    for (const below of command.commands) look(below);
  };
  look(program);
  t.match(plain, '\nlinkgate certs import [options] [domain]\n');
});

t.test('roff sees no request where a line of text begins with a dot or a quote', async (t) => {
  for (const line of page.split('\n')) {
    if (/^['.]/.test(line)) t.match(line, /^\.(TH|SH|SS|TP|B|I|PP|RS|RE)\b/, line);
  }
  t.notMatch(page, /[^\\]’/);
});
