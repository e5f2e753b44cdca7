// The table of errors, its page and its use hold together: core/errors.ts ↔ docs/errors.md ↔ the rest of src.

import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import { ERRORS, type ErrorEntry } from '../../src/core/errors.ts';

const src = new URL('../../src/', import.meta.url);
const CODE = /\bERR(?:_[A-Z0-9]+)+\b/g;
const ROW = /^\| `(ERR_\w+)` *\| (\d+) *\| (\d+) *\| (yes|no) *\| (.*?) *\|$/gm;

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
const documented = new Map(
  [...page.matchAll(ROW)].map(([, code, status, exit, retry, help]) => [
    code,
    { status: Number(status), exit: Number(exit), retry: retry === 'yes', help },
  ]),
);
const table: Readonly<Record<string, ErrorEntry>> = ERRORS;

t.test('every code stands in docs/errors.md with its status, exit, retry and help', async (t) => {
  for (const [code, entry] of Object.entries(table)) t.strictSame(documented.get(code), entry, code);
});

t.test('docs/errors.md knows no other code, and none twice', async (t) => {
  t.strictSame([...documented.keys()].toSorted(), Object.keys(table).toSorted());
  t.equal([...page.matchAll(ROW)].length, documented.size);
  t.strictSame(
    [...page.matchAll(CODE)].map(([code]) => code).filter((code) => table[code] === undefined),
    [],
    'nor in its prose',
  );
});

/** codes of Node and OpenSSL begin alike; they are met, never thrown */
const FOREIGN = /^ERR_(ENCODING|HTTP2|SSL|TLS|HTTP|STREAM|SOCKET|INVALID|SERVER|IPC|UNESCAPED|OSSL)(_|$)/;

const usedCodes = (): Map<string, string> => {
  const used = new Map<string, string>();
  for (const path of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.ts')) continue;
    const whole = readFileSync(new URL(path, src), 'utf8');
    // where the table stands, what follows it
    const text = path === 'core/errors.ts' ? whole.slice(whole.indexOf('export type ErrorCode')) : whole;
    for (const [code] of text.matchAll(CODE)) used.set(code, path);
  }
  return used;
};

t.test('every code that src speaks of stands in the table', async (t) => {
  const unknown = [...usedCodes()].filter(([code]) => table[code] === undefined && !FOREIGN.test(code));
  t.strictSame(unknown, []);
});

t.test('no code of the table can be mistaken for one of Node', async (t) => {
  t.strictSame(
    Object.keys(table).filter((code) => FOREIGN.test(code)),
    [],
  );
});

t.test('every code of the table is used', async (t) => {
  const used = usedCodes();
  t.strictSame(
    Object.keys(table).filter((code) => !used.has(code)),
    [],
  );
});
