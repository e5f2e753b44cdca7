// The documents: short lines, links that lead somewhere, files that exist, and pointers of the program that the package can follow.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { anchorsOf, checkDocuments, listDocuments } from '../helpers/documents.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

t.test('every document is in order', async (t) => {
  const documents = listDocuments(root);
  for (const path of ['README.md', 'docs/architecture.md', 'src/serve/README.md', 'bench/README.md'])
    t.ok(documents.includes(path), `${path} is looked at`);
  t.strictSame(checkDocuments(root), []);
});

t.test('every page of docs/ can be reached from the README', async (t) => {
  const linked = new Set([...read('README.md').matchAll(/\(docs\/([\w-]+\.md)/g)].map(([, page]) => page));
  t.strictSame(
    readdirSync(join(root, 'docs')).filter((page) => page.endsWith('.md') && !linked.has(page)),
    [],
  );
});

/** what points to a document, in words that a user gets to see */
const POINTERS = /\b(?:docs\/|documentPath\(['`])([\w-]+\.md)(?:#([\w-]+)(?!\w*\$))?/g;

t.test('every document that the program or its rules point to exists, with the anchor', async (t) => {
  const files = ['src', 'deploy', 'systemd', 'config'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => /\.(ts|ya?ml|service|socket|conf)$/.test(path))
      .map((path) => `${folder}/${path}`),
  );
  let pointers = 0;
  for (const path of files) {
    for (const [pointer, page = '', anchor] of read(path).matchAll(POINTERS)) {
      pointers += 1;
      const text = read(`docs/${page}`);
      if (anchor !== undefined) t.ok(anchorsOf(text).has(anchor), `${path}: ${pointer}`);
    }
  }
  t.ok(pointers > 10, 'finds the pointers');
});

t.test('every test that docs/security.md names exists', async (t) => {
  const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' });
  const page = read('docs/security.md').split(/^## (?:The request path|Reporting)$/m)[1] ?? '';
  const tables = page.split(/\n\n/).filter((block) => /^\|.*\| test +\|\n/.test(block));
  const cells = tables.flatMap((table) =>
    [...table.matchAll(/^\|.*\|([^|]*)\|$/gm)].map(([, cell = '']) => cell),
  );
  const sentences = [...page.matchAll(/Tests?:\s+([^.]*)\./g)].map(([, names = '']) => names);
  const named = [...cells, ...sentences].flatMap((text) =>
    [...text.matchAll(/`([a-z\d/-]+)`/g)].map(([, name = '']) => name),
  );
  t.ok(named.length > 60, `${named.length} names`);
  t.strictSame(
    [...new Set(named)].filter((name) => !tests.some((path) => `/${path}`.endsWith(`/${name}.ts`))),
    [],
  );
});

t.test('the order of the steps is the same on every page', async (t) => {
  const steps = ['linkgate init', 'linkgate run', 'linkgate dns --wait', 'linkgate doctor', 'Customer.io'];
  const places = (text: string): readonly number[] => {
    let from = 0;
    return steps.map((step) => (from = text.indexOf(step, from)));
  };
  const readme = read('README.md');
  t.notOk(places(readme.slice(readme.indexOf('\n## For real'))).includes(-1), 'README.md');
  const headings = [...read('docs/getting-started.md').matchAll(/^## \d\. (.*)$/gm)].map(([, text]) => text);
  t.match(headings.join('\n'), /Install\n.*configuration\n.*proxy\n.*DNS records\n.*green\n.*Customer\.io$/);
});

type Tree = Readonly<Record<string, string>>;

const plant = (t: Test, tree: Tree): string => {
  const folder = tempDir(t);
  for (const [path, text] of Object.entries(tree)) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
};

const GOOD: Tree = {
  'README.md':
    '# A\n\n[b](docs/b.md#the-page) [c](#c-and-d) [e](https://example.com/#x) `src/core/errors.ts`\n\n## C, and d\n',
  'docs/b.md': '# B\n\n## The page\n\n`[x](gone.md)`\n\n```\n# no heading\n[y](gone.md)\n```\n',
  'src/core/errors.ts': '',
};

const CASES: readonly {
  readonly name: string;
  readonly add: Tree;
  readonly complaints: readonly string[];
}[] = [
  { name: 'nothing wrong', add: {}, complaints: [] },
  {
    name: 'a long line, counted in characters and not in bytes',
    add: { 'docs/b.md': `## The page\n${'ü'.repeat(160)}\n${'x'.repeat(161)}\n` },
    complaints: ['docs/b.md: line 3 has 161 characters'],
  },
  {
    name: 'links that lead nowhere',
    add: { 'src/a.md': '[a](gone.md) [b](../README.md#gone) [c](../../x.md) [d](#e) ![f](g.png)\n' },
    complaints: [
      "src/a.md: link 'gone.md' leads to no file",
      "src/a.md: link '../README.md#gone' leads to no heading",
      "src/a.md: link '../../x.md' leaves the project",
      "src/a.md: link '#e' leads to no heading",
      "src/a.md: link 'g.png' leads to no file",
    ],
  },
  {
    name: 'a heading that stands in a transcript only',
    add: { 'docs/c.md': '[a](b.md#no-heading)\n' },
    complaints: ["docs/c.md: link 'b.md#no-heading' leads to no heading"],
  },
  {
    name: 'files and anchors that are named and do not exist',
    add: { 'docs/c.md': '`src/core/gone.ts`, `test/x/`, docs/b.md#gone\n' },
    complaints: [
      "docs/c.md: names 'src/core/gone.ts', which does not exist",
      "docs/c.md: names 'test/x/', which does not exist",
      "docs/c.md: names 'docs/b.md#gone', which does not exist",
    ],
  },
];

for (const { name, add, complaints } of CASES) {
  t.test(name, async (t) => {
    t.strictSame(checkDocuments(plant(t, { ...GOOD, ...add })), complaints);
  });
}
