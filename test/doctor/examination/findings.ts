// The table of findings, its use and its page hold together: doctor/examination/findings.ts ↔ the checks ↔ docs/troubleshooting.md.

import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { finding, FINDINGS, good, worst } from '../../../src/doctor/examination/findings.ts';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const ids = Object.keys(FINDINGS).toSorted();

t.test(
  'every finding has an anchor in docs/troubleshooting.md with its words, and there is no other',
  async (t) => {
    const page = read('docs/troubleshooting.md');
    const sections = new Map(
      [...page.matchAll(/^### (\S+)\n([^]*?)(?=^##|$(?![^]))/gm)].map(([, id = '', text = '']) => [id, text]),
    );
    t.strictSame([...sections.keys()].toSorted(), ids);
    for (const [id, { level, why, remedy }] of Object.entries(FINDINGS)) {
      const text = (sections.get(id) ?? '').replaceAll(/\s+/g, ' ');
      t.match(text, new RegExp(`\\*\\*${level}\\*\\*`), id);
      for (const words of [why, remedy]) t.ok(text.includes(words), `${id}: ${words}`);
    }
  },
);

t.test('every finding is used', async (t) => {
  const folder = new URL('../../../src/doctor/', import.meta.url);
  const text = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && path !== 'findings.ts')
    .map((path) => read(`src/doctor/${path}`))
    .join('\n');
  // `${check}-failed` of checks/http.ts
  const built = ['http-failed', 'https-failed'];
  t.strictSame(
    ids.filter((id) => !text.includes(`'${id}'`) && !built.includes(id)),
    [],
  );
});

t.test('every finding has a test that makes its fault', async (t) => {
  const folder = new URL('../', import.meta.url);
  const text = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && path !== 'findings.ts')
    .map((path) => read(`test/doctor/${path}`))
    .join('\n');
  t.strictSame(
    ids.filter((id) => !text.includes(`'${id}'`)),
    [],
  );
});

t.test('the gravest counts', async (t) => {
  const [amber, red] = [
    finding('caa', 'caa-failed', { what: 'x' }),
    finding('dns', 'dns-absent', { what: 'y' }),
  ];
  t.equal(worst([]), 'green');
  t.equal(worst([good('dns', 'fine')]), 'green');
  t.equal(worst([amber, good('dns', 'fine')]), 'amber');
  t.equal(worst([amber, red, amber]), 'red');
  t.equal(finding('dns', 'dns-absent', { what: 'y', remedy: 'do z' }).remedy, 'do z');
});
