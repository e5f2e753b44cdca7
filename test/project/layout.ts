// The layout of the project, and of small trees in which each rule is broken once.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { checkLayout, PACKAGE_HOMES } from '../helpers/layout.ts';
import { importLine } from '../helpers/rooms.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

t.test('the project is in order', async (t) => {
  t.strictSame(checkLayout(root), []);
});

t.test('every production dependency has a home, and no home is empty', async (t) => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    dependencies: Record<string, string>;
  };
  t.strictSame(Object.keys(PACKAGE_HOMES).toSorted(), Object.keys(manifest.dependencies).toSorted());
});

type Tree = Readonly<Record<string, string>>;

/** a tree that breaks no rule, to which each case adds */
const GOOD: Tree = {
  'package.json': '{}',
  'src/core/clock.ts': "import { hrtime } from 'node:process';\nexport const clock = hrtime;\n",
  'src/core/words.ts': 'export type Word = string;\nexport interface Pair { readonly a: Word }\n',
  'src/serve/route.ts': "import { connect } from 'node:tls';\nexport const route = connect;\n",
  'src/cert/serving/context-cache.ts':
    "import { LRUCache } from 'lru-cache';\nimport type { Word } from '../../core/words.ts';\nexport const cache = (word: Word) => [LRUCache, word];\n",
  'src/app/worker.ts':
    "import { route } from '../serve/route.ts';\nimport { cache } from '../cert/serving/context-cache.ts';\nexport const worker = [route, cache];\n",
  'src/cli/main.ts':
    "// import '../serve/route.ts' in a comment is none\nconst run = () => import('../app/worker.ts');\nawait run();\n",
  'test/core/clock.ts': '',
  'test/serve/route.ts': '',
  'test/cert/serving/context-cache.ts': '',
  'test/app/worker.ts': '',
  'test/cli/main.ts': '',
};

const CASES: readonly {
  readonly name: string;
  readonly add: Tree;
  readonly complaints: readonly string[];
}[] = [
  { name: 'nothing wrong', add: {}, complaints: [] },
  {
    name: 'a folder of the middle imports another',
    add: {
      'src/serve/route.ts':
        "import { cache } from '../cert/serving/context-cache.ts';\nexport const route = cache;\n",
    },
    complaints: ["src/serve/route.ts: serve/ must not import cert/ ('../cert/serving/context-cache.ts')"],
  },
  {
    name: 'an edge of types alone is an edge',
    add: { 'src/core/words.ts': "export type { route } from '../serve/route.ts';\nexport type Word = 1;\n" },
    complaints: ["src/core/words.ts: core/ must not import serve/ ('../serve/route.ts')"],
  },
  {
    name: 'a dynamic import is an edge',
    add: { 'src/cli/main.ts': "await import('../serve/route.ts');\n" },
    complaints: ["src/cli/main.ts: cli/ must not import serve/ ('../serve/route.ts')"],
  },
  {
    name: 'a type import in an expression is an edge',
    add: { 'src/core/pair.ts': "export type Pair = import('../app/worker.ts').gate;\n" },
    complaints: ["src/core/pair.ts: core/ must not import app/ ('../app/worker.ts')"],
  },
  {
    name: 'an npm package away from home',
    add: {
      'src/core/clock.ts': "import { z } from 'zod';\nexport const clock = z;\n",
      'src/cert/order.ts': "import { LRUCache } from 'lru-cache';\nexport const order = LRUCache;\n",
      'test/cert/order.ts': '',
    },
    complaints: [
      "src/cert/order.ts: imports 'lru-cache', whose one home is src/cert/serving/context-cache.ts",
      "src/core/clock.ts: imports 'zod', whose one home is src/config/",
    ],
  },
  {
    name: 'a stray npm package, scoped or by a path in it, and a builtin without its prefix',
    add: {
      'src/serve/route.ts':
        "import a from 'express';\nimport b from '@scope/name/part.js';\nimport c from 'fs';\nexport const route = [a, b, c];\n",
    },
    complaints: [
      "src/serve/route.ts: imports '@scope/name', which has no home in src",
      "src/serve/route.ts: imports 'express', which has no home in src",
      "src/serve/route.ts: imports 'fs' without 'node:'",
    ],
  },
  {
    name: 'an import that leaves src, or meets no file',
    add: {
      'src/serve/route.ts':
        "import a from '../../test/serve/route.ts';\nimport b from './gone.ts';\nexport const route = [a, b];\n",
    },
    complaints: [
      "src/serve/route.ts: imports '../../test/serve/route.ts', which is outside src",
      "src/serve/route.ts: imports './gone.ts', which is no TypeScript file of src",
    ],
  },
  {
    name: 'a cycle inside a folder',
    add: {
      'src/cert/order.ts': "import { store } from './store.ts';\nexport const order = () => store;\n",
      'src/cert/store.ts': "import { order } from './order.ts';\nexport const store = () => order;\n",
      'test/cert/order.ts': '',
      'test/cert/store.ts': '',
    },
    complaints: ['src: import cycle cert/order.ts → cert/store.ts → cert/order.ts'],
  },
  {
    name: 'entries without a place',
    add: {
      'scripts/deploy.sh': '',
      'src/extra/thing.ts': 'export const thing = 1;\n',
      'test/extra/thing.ts': '',
      'src/loose.ts': 'export const loose = 1;\n',
      'test/loose.ts': '',
    },
    complaints: [
      'scripts: has no place in the layout',
      'src/extra: has no place in the layout',
      'src/loose.ts: has no place in the layout',
      'test/extra: has no place in the layout',
      'test/loose.ts: has no place in the layout',
    ],
  },
  {
    name: 'a module without a test; one of types alone needs none',
    add: { 'src/cert/order.ts': 'export const order = 1;\n', 'src/cert/kinds.ts': 'export type Kind = 1;\n' },
    complaints: ['src/cert/order.ts: has no test at test/cert/order.ts or test/long/cert/order.ts'],
  },
  {
    name: 'an exemption that is no longer needed',
    add: { 'test/app/worker/worker-process.ts': '' },
    complaints: ['src/app/worker/worker-process.ts: has a test and is listed as untested'],
  },
  {
    name: 'too long a file',
    add: {
      'src/core/clock.ts': `${'// line\n'.repeat(300)}export const clock = 1;\n`,
      'src/core/words.ts': '// line\n'.repeat(300),
      'src/core/style.css': '/* line */\n'.repeat(301),
      'test/core/clock.ts': '// line\n'.repeat(400),
      'test/serve/route.ts': '// line\n'.repeat(401),
    },
    complaints: [
      'src/core/clock.ts: 301 lines, 300 at most',
      'src/core/style.css: 301 lines, 300 at most',
      'test/serve/route.ts: 401 lines, 400 at most',
    ],
  },
  {
    name: 'default exports of every kind',
    add: {
      'src/core/clock.ts': 'export default 1;\n',
      'src/serve/route.ts': 'export default function route() {}\n',
      'src/app/worker.ts': 'const worker = 1;\nexport { worker as default };\n',
    },
    complaints: [
      'src/app/worker.ts: has a default export',
      'src/core/clock.ts: has a default export',
      'src/serve/route.ts: has a default export',
    ],
  },
  {
    name: 'names that say nothing',
    add: {
      'src/cert/utils.ts': 'export type A = 1;\n',
      'src/cert/index.ts': 'export type A = 1;\n',
      'src/cert/cert-manager.ts': 'export type A = 1;\n',
      'src/cert/import/common.ts': 'export type A = 1;\n',
      'src/cert/orderState.ts': 'export type A = 1;\n',
    },
    complaints: [
      "src/cert/cert-manager.ts: 'manager' is no name: say what it is",
      "src/cert/import/common.ts: 'common' is no name: say what it is",
      "src/cert/index.ts: 'index' is no name: say what it is",
      'src/cert/orderState.ts: the file name is not kebab-case',
      "src/cert/utils.ts: 'utils' is no name: say what it is",
    ],
  },
  {
    name: 'a room imports another one against the arrow',
    add: {
      'src/serve/http/exchange.ts':
        "import { route } from '../request/route.ts';\nexport const exchange = route;\n",
      'src/serve/request/route.ts': 'export const route = 1;\n',
      'test/serve/http/exchange.ts': '',
      'test/serve/request/route.ts': '',
    },
    complaints: [
      "src/serve/http/exchange.ts: serve/http/ must not import serve/request/ ('../request/route.ts')",
    ],
  },
  {
    name: 'a room imports what stands around it',
    add: {
      'src/serve/http/exchange.ts': "import { route } from '../route.ts';\nexport const exchange = route;\n",
      'test/serve/http/exchange.ts': '',
    },
    complaints: ["src/serve/http/exchange.ts: serve/http/ must not import serve/ ('../route.ts')"],
  },
  {
    name: 'a room that nobody knows',
    add: { 'src/cert/attic/words.ts': 'export type A = 1;\n' },
    complaints: ['src/cert/attic: has no place among the rooms'],
  },
  {
    name: 'a drawer',
    add: Object.fromEntries(
      Array.from({ length: 13 }, (_, index) => [`src/cert/import/word-${index}.ts`, 'export type A = 1;\n']),
    ),
    complaints: ['src/cert/import: 13 files, 12 at most'],
  },
  {
    name: 'a README that is too long, or says something else than the tables',
    add: {
      'src/serve/README.md': `# serve: clicks\n\nIn: a\nOut: b\nRead first: \`route.ts\`\n${importLine('serve')}\n${'word\n'.repeat(7)}`,
      'src/app/README.md': '# app: all of it\n\nIn: a\nRead first: `gone.ts`\nMay import: `cli`\n',
    },
    complaints: [
      "src/app: README.md has no line 'Out:'",
      "src/app: README.md must name a file of the folder after 'Read first:'",
      `src/app: README.md must say '${importLine('app')}'`,
      'src/serve: README.md has 13 lines, 12 at most',
    ],
  },
  {
    name: 'a barrel',
    add: { 'src/cert/all.ts': "export * from './serving/context-cache.ts';\n", 'test/cert/all.ts': '' },
    complaints: ['src/cert/all.ts: only re-exports: import from where things stand'],
  },
];

for (const { name, add, complaints } of CASES) {
  t.test(name, async (t) => {
    t.strictSame(checkLayout(plant(t, { ...GOOD, ...add })), complaints);
  });
}

/** Every folder of src/ gets the README that the tables ask for. */
function withReadmes(tree: Tree): Tree {
  const rooms = new Map<string, string>();
  for (const path of Object.keys(tree).filter((file) => /^src\/.+\/.+\.ts$/.test(file))) {
    for (let room = dirname(path); room !== 'src'; room = dirname(room)) {
      if (!rooms.has(room)) rooms.set(room, path.slice(room.length + 1));
    }
  }
  const readmes = [...rooms].map(([folder, first]) => {
    const room = folder.slice('src/'.length);
    const lines = [
      `# ${room}: a room`,
      '',
      'In: a',
      'Out: b',
      `Read first: \`${first}\``,
      importLine(room),
      '',
    ];
    return [`${folder}/README.md`, lines.join('\n')];
  });
  return { ...Object.fromEntries(readmes), ...tree };
}

/** Writes the tree into a temporary folder that goes with the test. */
function plant(t: Test, tree: Tree): string {
  const folder = t.testdir();
  for (const [path, text] of Object.entries(withReadmes(tree))) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}
