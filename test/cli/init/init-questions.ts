// The questions as a person at a terminal meets them.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { failingNameServer } from '../../helpers/examine.ts';
import { needs } from '../../helpers/needs.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { terminal } from '../../helpers/terminal.ts';

const ENTER = '\r';
const CLEAR = '\u0015';

t.test('asked for everything, corrected while typing', { skip: needs('python3') }, async (t) => {
  const folder = tempDir(t);
  const file = join(folder, 'linkgate.yaml');
  const resolver = await failingNameServer(t);
  const { status, text } = await terminal(
    ['init', '--resolver', resolver, '--to', '203.0.113.7'],
    [
      { see: 'account live', keys: `\u001B[B${ENTER}` },
      { see: 'Which domain', keys: `links_acme${ENTER}` },
      { see: 'is not a domain name', keys: `${CLEAR}links.acme.dev${ENTER}` },
      { see: 'anyway?', keys: 'n' },
      { see: 'Which domain', keys: `links.example.com${ENTER}` },
      { see: 'Another domain', keys: `links.example.com${ENTER}` },
      { see: 'you gave ', keys: `${CLEAR}${ENTER}` },
      { see: 'Which CA', keys: ENTER },
      { see: 'E-mail', keys: `ops${ENTER}` },
      { see: 'not one e-mail', keys: `@example.com${ENTER}` },
      { see: 'Folder', keys: `${CLEAR}${join(folder, 'certs')}${ENTER}` },
      { see: 'Where to write', keys: `${CLEAR}${file}${ENTER}` },
    ],
    { cwd: folder },
  );
  t.equal(status, 0, text);
  t.match(text, '"dev" is in the HSTS preload list');
  t.match(text, `wrote ${file}`);
  t.match(text, /Next: start the proxy, [^]* linkgate dns --wait --config/);
  const written = readFileSync(file, 'utf8');
  t.match(written, /region: eu /);
  t.match(written, /email: ops@example\.com/);
  t.strictSame(
    [...written.matchAll(/^ {2}- name: (.*)$/gm)].map(([, name]) => name),
    ['links.example.com'],
  );
});

t.test('Ctrl-C writes nothing; flags are not asked again', { skip: needs('python3') }, async (t) => {
  const folder = tempDir(t);
  const file = join(folder, 'linkgate.yaml');
  const { status, text } = await terminal(
    ['init', '--config', file, '--region', 'us', '--ca', 'letsencrypt', '--email', ''],
    [{ see: 'Which domain', keys: '\u0003' }],
    { cwd: folder },
  );
  t.equal(status, 1);
  t.match(text, 'linkgate: nothing was written');
  t.notMatch(text, 'account live');
  t.notOk(existsSync(file));
});
