import * as fc from 'fast-check';
import t from 'tap';
import { parseConfigDocument } from '../../../src/config/text/document.ts';

t.test('gives the tree and the place of every key and value', async (t) => {
  const document = parseConfigDocument(
    '# c\nlisten:\n  https: ":443"\ndomains:\n  - name: a\n  - { name: b, region: eu }\n',
  );
  t.strictSame(document.problems, []);
  t.strictSame(document.tree, {
    listen: { https: ':443' },
    domains: [{ name: 'a' }, { name: 'b', region: 'eu' }],
  });
  t.strictSame(document.locate(['listen', 'https']), { line: 3, column: 10 });
  t.strictSame(document.locate(['listen', 'https'], 'key'), { line: 3, column: 3 });
  t.strictSame(document.locate(['domains', 1, 'region']), { line: 6, column: 24 });
  t.strictSame(document.locate(['domains', 1, 'nothing']), { line: 6, column: 5 }, 'the nearest parent');
  t.strictSame(document.locate([]), { line: 2, column: 1 });
});

t.test('places count through aliases and past a key given twice', async (t) => {
  const document = parseConfigDocument('a: &x { b: 1 }\nc: *x\nd: 1\nd: 2\n');
  t.strictSame(document.tree, { a: { b: 1 }, c: { b: 1 }, d: 2 });
  t.strictSame(document.locate(['c', 'b']), { line: 1, column: 12 });
  t.strictSame(document.locate(['d']), { line: 4, column: 4 }, 'the one that counts');
  t.match(document.problems, [
    { line: 4, column: 1, message: 'the key d was given before in the same mapping' },
  ]);
});

t.test('YAML 1.2: no is a word, JSON is YAML, a byte order mark is none of its business', async (t) => {
  t.strictSame(parseConfigDocument('a: no\nb: 010\nc: 1_000\nd: 12:30').tree, {
    a: 'no',
    b: 10,
    c: '1_000',
    d: '12:30',
  });
  t.strictSame(parseConfigDocument('{"a": [1, true, null]}').tree, { a: [1, true, null] });
  t.strictSame(parseConfigDocument('<<: { a: 1 }').tree, { '<<': { a: 1 } }, 'no merge keys');
});

for (const [what, text, said] of [
  ['an unclosed list', 'a: [1,\nb: 2\n', /flow/i],
  ['a tab', 'a:\n\tb: 1\n', /tabs are not allowed/],
  ['a second document', 'a: 1\n---\nb: 2\n', 'a second document begins here: there may be only one'],
  ['a tag', 'a: !secret x\n', /unresolved tag/],
  ['another version', '%YAML 1.1\n---\na: yes\n', 'the document asks for YAML 1.1: it is read as YAML 1.2'],
  ['an alias without anchor', 'a: *x\n', 'the alias *x has no anchor before it'],
  ['many aliases', `a: &x 1\nb: [${'*x, '.repeat(101)}]\n`, 'more than 100 aliases'],
  ['depth', '['.repeat(50_000), 'the document is nested more than 64 levels deep'],
  ['depth in block style', '- '.repeat(5_000), 'the document is nested more than 64 levels deep'],
  [
    'very many keys',
    Array.from({ length: 50_000 }, (_, i) => `k${i}: 1\n`).join(''),
    'a mapping has more than 1000 keys',
  ],
  ['an unquoted [::]:443', 'listen:\n  https: [::]:443\n', /in quotes: "\[::\]:443"/],
] as const) {
  t.test(`refuses ${what}`, async (t) => {
    const { problems } = parseConfigDocument(text);
    t.ok(
      problems.some(({ message }) => (typeof said === 'string' ? message === said : said.test(message))),
      JSON.stringify(problems),
    );
    t.ok(problems.every(({ line, column }) => line >= 1 && column >= 1));
  });
}

for (const [what, text, said] of [
  [
    'an item without -',
    'a:\n  - b\n  c\n',
    /\(write a space after the colon, "region: eu", and "- " before each item of a list, "- name: links\.example\.com"\)$/,
  ],
  [
    'a list below a key that has keys',
    'a:\n  b: 1\n  - c\n',
    /\(begin each item of a list with "- ", all in the same column: "- name: links\.example\.com"\)$/,
  ],
  [
    'a key too far left',
    'a:\n   b: 1\n  c: 2\n',
    /\(begin the keys that belong together in the same column, after the same number of spaces\)$/,
  ],
  ['a colon without a space', 'a:1\nb: 2\n', /\(write a space after the colon, "region: eu"/],
  ['two colons', 'a: b: c\n', /\(put a value that contains ": " in quotes: key: "one: two"\)$/],
  [
    'a value that begins with @',
    'a: @b\n',
    /\(put a value that begins with this character in quotes: key: "@value"\)$/,
  ],
  [
    'an open bracket',
    'a: [1, 2\nb: 3\n',
    /\(close each bracket: \[http-01, dns-01\] or \{ name: links\.example\.com \}\)$/,
  ],
  ['a tab', 'a:\n\tb: 1\n', /\(indent with spaces\)$/],
] as const) {
  t.test(`says in plain words what is wrong with ${what}`, async (t) => {
    const messages = parseConfigDocument(text).problems.map(({ message }) => message);
    t.equal(messages.filter((message) => said.test(message)).length, 1, messages.join('; '));
  });
}

t.test('aliases that multiply are refused and not unfolded', async (t) => {
  const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}]`);
  const { problems, tree } = parseConfigDocument(`l0: &l0 x\n${levels.join('\n')}\n`);
  t.equal(tree, undefined);
  t.match(problems, [{ message: /alias/ }]);
});

t.test('an empty document has no tree and no problem', async (t) => {
  for (const text of ['', '# nothing\n', '\n\n', '---\n', 'null']) {
    t.match(parseConfigDocument(text), { tree: undefined, problems: [] }, JSON.stringify(text));
  }
});

t.test('a text never throws, and every place is in it', async () => {
  const pieces = [
    'a',
    'b',
    ': ',
    '- ',
    '\n',
    '  ',
    '[',
    ']',
    '{',
    '}',
    ',',
    '"',
    "'",
    '#',
    '&x ',
    '*x',
    '!t ',
    '|\n',
    '? ',
    '---\n',
    '%',
    '\t',
    '\r\n',
    '\0',
    '\u{1f600}',
    '0x1',
    '~',
    '<<',
  ];
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: fc.constantFrom(...pieces), maxLength: 60 }), fc.string({ unit: 'binary' })),
      (text) => {
        const document = parseConfigDocument(text);
        const lines = text.split('\n').length;
        return (
          document.problems.every(({ line }) => line >= 1 && line <= lines) &&
          document.locate(['a', 0]).line <= lines
        );
      },
    ),
    { numRuns: 5000 },
  );
});
