// docs/architecture.md follows a click and a name through the source. Its tables are compared with the code, and each way in which
// they could go wrong is tried.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { checkSteps, readSteps, type Step } from '../helpers/call-paths.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(join(root, 'docs/architecture.md'), 'utf8');

/** first and last file of each path, and what must stand between them: a step at the end has nobody who would miss it */
const PATHS: Readonly<Record<string, readonly string[]>> = {
  '## Follow a click': [
    'serve/listeners.ts serve/connections/connections.ts serve/connections/first-bytes.ts cert/serving/handshake.ts serve/http/http1.ts',
    'serve/request/headers.ts serve/request/route.ts serve/request/local-response.ts serve/request/forward.ts',
    'serve/upstream/upstream.ts serve/upstream/connect.ts serve/request/respond.ts serve/request/request-outcome.ts',
  ],
  '## Follow a name': [
    'cert/renewal/renewal-loop.ts cert/renewal/plan.ts cert/renewal/attempt.ts cert/renewal/preflight.ts cert/renewal/issue.ts',
    'cert/acme/acme-issuer.ts cert/acme/account.ts cert/acme/order.ts cert/challenges/http-01.ts cert/certificate/certificate.ts',
    'cert/state/store.ts cert/serving/context-cache.ts cert/serving/handshake.ts',
  ],
};

for (const [heading, files] of Object.entries(PATHS)) {
  const steps = readSteps(page, heading);

  t.test(`${heading}: every function exists and is called as the table says`, async (t) => {
    t.ok(steps.length >= 20, `${steps.length} steps`);
    t.strictSame(checkSteps(root, steps), []);
    t.strictSame(
      files
        .flatMap((line) => line.split(' '))
        .filter((file) => !steps.some((step) => step.file === `src/${file}`)),
      [],
      'no part of the path is left out',
    );
  });

  t.test(`${heading}: each step is missed when it is left out`, async (t) => {
    for (const gone of steps) {
      const rest = steps.filter((step) => step !== gone);
      const isLast = gone.number === steps.length;
      const isMissed = isLast
        ? !rest.some(({ file }) => file === gone.file)
        : checkSteps(root, rest).length > 0;
      t.ok(isMissed, `step ${gone.number}, ${gone.name}`);
    }
  });

  t.test(`${heading}: each function is missed when it has another name`, async (t) => {
    for (const step of steps) {
      const renamed = steps.map((one) => (one === step ? { ...one, name: `${one.name}Renamed` } : one));
      t.match(checkSteps(root, renamed).join('\n'), `step ${step.number}, `);
    }
  });
}

const CALLER = `
import { first, Second } from './callee.ts';
import type { Port } from './callee.ts';
export const start = (port: Port) => {
  const later = () => new Second();
  const inner = () => { first(); };
  inner();
  later();
  port.hear('moved');
  return { stop: () => leave() };
};
const leave = () => third();
export class Loop {
  run() { this.#next(); }
  #next() { first(); }
}
`;
const CALLEE = `
export const first = () => {};
export class Second { constructor() {} }
export const third = () => {};
export interface Port { hear(word: 'moved' | 'gone'): void }
`;

const plant = (t: Test): string => {
  const folder = tempDir(t);
  for (const [path, text] of [
    ['src/caller.ts', CALLER],
    ['src/callee.ts', CALLEE],
    ['src/other.ts', CALLEE],
  ] as const) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
};

const table = (...rows: readonly string[]): readonly Step[] =>
  readSteps(
    ['## P', '', ...rows.map((row) => `| ${row} | what |`), '## Q', '| 9 | `x` | `y` | — |'].join('\n'),
    '## P',
  );

const FIRST = '1 | `caller.ts` | `start` | —';

const CASES: readonly {
  readonly name: string;
  readonly rows: readonly string[];
  readonly wrong: readonly string[];
}[] = [
  {
    name: 'all in order',
    rows: [
      FIRST,
      '2 | `callee.ts` | `first` | 1',
      '3 | `callee.ts` | `Second.constructor` | 1',
      '4 | `callee.ts` | `third` | 1 (event: `moved`)',
    ],
    wrong: [],
  },
  {
    name: 'in another order than it runs, though written so',
    rows: [FIRST, '2 | `callee.ts` | `Second.constructor` | 1', '3 | `callee.ts` | `first` | 1'],
    wrong: ['step 3, first: start (step 1) calls it before the step above'],
  },
  {
    name: 'numbers that do not follow each other',
    rows: [FIRST, '3 | `callee.ts` | `first` | 1'],
    wrong: ['step 3, first: stands in place 2'],
  },
  {
    name: 'a caller that comes later, or is none',
    rows: [FIRST, '2 | `callee.ts` | `first` | 2', '3 | `callee.ts` | `first` | 7'],
    wrong: ['step 2, first: has no caller above it', 'step 3, first: has no caller above it'],
  },
  {
    name: 'a function that is not called, and one of a file that is not imported',
    rows: [
      FIRST,
      '2 | `callee.ts` | `Other` | 1',
      '3 | `other.ts` | `first` | 1',
      '4 | `caller.ts` | `Loop.run` | 1',
    ],
    wrong: [
      'step 2, Other: is not in src/callee.ts',
      'step 3, first: src/caller.ts does not import src/other.ts',
      'step 4, Loop.run: start (step 1) does not call it',
    ],
  },
  {
    name: 'methods of a class, and a function behind another of the same file',
    rows: [
      '1 | `caller.ts` | `Loop.run` | —',
      '2 | `caller.ts` | `Loop.#next` | 1',
      '3 | `callee.ts` | `first` | 1',
      '4 | `callee.ts` | `first` | 2',
    ],
    wrong: [],
  },
  {
    name: 'a function that is returned in an object',
    rows: [
      FIRST,
      '2 | `caller.ts` | `leave` | 1',
      '3 | `callee.ts` | `third` | 2',
      '4 | `caller.ts` | `start.stop` | 1 (port: `stop`)',
    ],
    wrong: [],
  },
  {
    name: 'ports and events that one of the files does not know',
    rows: [
      FIRST,
      '2 | `callee.ts` | `first` | 1 (port: `speak`)',
      '3 | `callee.ts` | `first` | 1 (event: `gone`)',
      '4 | `caller.ts` | `leave` | 1 (event: `moved`)',
      '5 | `callee.ts` | `first` | 1 (port: `later`)',
    ],
    wrong: [
      'step 2, first: start (step 1) has no port "speak"',
      'step 3, first: start (step 1) has no event "gone"',
      'step 5, first: src/callee.ts has no port "later"',
    ],
  },
];

for (const { name, rows, wrong } of CASES) {
  t.test(name, async (t) => {
    t.strictSame(checkSteps(plant(t), table(...rows)), wrong);
  });
}
