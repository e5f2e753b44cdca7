import { chmodSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { removeDomain, withoutDomain, withoutLine } from '../../src/config/remove-domain.ts';
import { loadSettings } from '../../src/config/load.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const TEXT = `# ours
domains: # all of them
  - name: first.example.com   # the oldest
    region: eu

  # the second
  - name: Second.Example.com
  - { name: third.example.com, region: us }   # flow
workers:   2 # odd   spaces
`;

t.test('its lines go, every other byte stays', async (t) => {
  t.equal(
    withoutDomain(TEXT, 'first.example.com'),
    TEXT.replace('  - name: first.example.com   # the oldest\n    region: eu\n', ''),
  );
  t.equal(withoutDomain(TEXT, 'second.example.com'), TEXT.replace('  - name: Second.Example.com\n', ''));
  t.equal(
    withoutDomain(TEXT, 'third.example.com'),
    TEXT.replace('  - { name: third.example.com, region: us }   # flow\n', ''),
  );
  t.equal(withoutDomain(TEXT, 'none.example.com'), undefined);
  t.equal(withoutDomain('domainsFile: d.txt\n', 'a.example'), undefined);
  const flow = withoutDomain(
    'domains: [{ name: a.example }, { name: b.example }]\nworkers: 1\n',
    'a.example',
  );
  t.match(flow, /^domains: \[ ?{ name: b\.example } ?\]\nworkers: 1\n$/);
  t.equal(
    withoutDomain('domains:\n- name: a.example\n- name: b.example', 'b.example'),
    'domains:\n- name: a.example\n',
  );
  t.equal(
    withoutLine('# x\na.example region=eu\nB.example.\nb.example.com # c\n', 'b.example'),
    '# x\na.example region=eu\nb.example.com # c\n',
  );
  t.equal(withoutLine('a.example\n', 'b.example'), undefined);
});

const files = (t: Test, text: string): { folder: string; file: string } => {
  const folder = tempDir(t);
  const file = join(folder, 'linkgate.yaml');
  writeFileSync(file, text, { mode: 0o640 });
  chmodSync(file, 0o640);
  return { folder, file };
};

t.test('the file is replaced as a whole, with its mode, behind a link', async (t) => {
  const { folder, file } = files(t, TEXT);
  const link = join(folder, 'link.yaml');
  symlinkSync('linkgate.yaml', link);
  t.equal(await removeDomain(link, 'first.example.com'), link);
  t.strictSame(
    (await loadSettings(file)).domains.map(({ name }) => name),
    ['second.example.com', 'third.example.com'],
  );
  t.equal(statSync(file).mode & 0o777, 0o640);
  t.strictSame(readdirSync(folder).toSorted(), ['link.yaml', 'linkgate.yaml'], 'nothing is left next to it');
});

t.test('a name of domainsFile', async (t) => {
  const { folder, file } = files(t, 'domainsFile: names.txt\n');
  writeFileSync(join(folder, 'names.txt'), 'a.example\nb.example\n');
  t.equal(await removeDomain(file, 'a.example'), join(folder, 'names.txt'));
  t.equal(readFileSync(join(folder, 'names.txt'), 'utf8'), 'b.example\n');
  await t.rejects(removeDomain(file, 'c.example'), { code: 'ERR_CERT_UNKNOWN_NAME' });
});

t.test('what would not load is never written', async (t) => {
  const only = 'domains:\n  - name: a.example\n';
  const { folder, file } = files(t, only);
  await t.rejects(removeDomain(file, 'a.example'), { code: 'ERR_CONFIG_INVALID' });
  t.equal(readFileSync(file, 'utf8'), only);
  t.equal(readdirSync(folder).length, 1);
  await t.rejects(removeDomain(join(folder, 'none.yaml'), 'a.example'), { code: 'ERR_CONFIG_UNREADABLE' });
});
