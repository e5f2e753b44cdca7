// The rules of the house, checked on a tree of files: which folder may import which, where each npm package lives,
// what stands where and what it is called. test/project/layout.ts runs it on the project and on broken trees.

import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, posix } from 'node:path';
import { checkArrow, checkRooms, MAY_IMPORT } from './rooms.ts';
import { parseSourceModule, type SourceModule } from './source-module.ts';

/** npm package → its one home in src/: a folder with a closing `/`, or a file. */
export const PACKAGE_HOMES: Readonly<Record<string, string>> = {
  '@clack/prompts': 'cli/',
  'acme-client': 'cert/',
  'age-encryption': 'storage/archive.ts',
  commander: 'cli/',
  'lru-cache': 'cert/serving/context-cache.ts',
  'node-forge': 'cert/',
  pino: 'observe/',
  'prom-client': 'observe/',
  'tar-stream': 'storage/archive.ts',
  tldts: 'cert/',
  yaml: 'config/',
  zod: 'config/',
};

/** Modules of src/ without a test file of the same path, each with its reason. */
const UNTESTED: Readonly<Record<string, string>> = {
  'app/worker/worker-process.ts':
    'starts the worker and nothing else: test/app/worker/worker.ts runs it as a process',
};

const TOP_LEVEL = new Set(
  [
    '.ci .dockerignore .editorconfig .gitattributes .github .gitignore .npmrc .oxlintrc.json .prettierignore .prettierrc.json .taprc',
    'CHANGELOG.md CONTRIBUTING.md LICENSE README.md SECURITY.md package-lock.json package.json',
    'tsconfig.build.json tsconfig.json bench certs config deploy docs src systemd test',
    // made on the spot, never committed
    '.git .tap coverage dist node_modules',
  ].flatMap((line) => line.split(' ')),
);

const TEST_FOLDERS = new Set([
  ...Object.keys(MAY_IMPORT),
  'baseline',
  'bench',
  'deploy',
  'e2e',
  'fuzz',
  'helpers',
  'long',
  'project',
  'setup',
]);

const FORBIDDEN_WORDS = /^(utils?|helpers?|common|managers?|index)$/;
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*\.ts$/;
const MAX_LINES = 300;
const MAX_TEST_LINES = 400;

type Modules = ReadonlyMap<string, SourceModule>;

const readModules = (root: string): Modules => {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'))
    .toSorted();
  return new Map(paths.map((path) => [path, parseSourceModule(readFileSync(join(root, path), 'utf8'))]));
};

const entries = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
};

const resolveImport = (from: string, specifier: string): string => posix.join(dirname(from), specifier);

const isBuiltin = (name: string): boolean => builtinModules.includes(name);

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

const checkRelative = (from: string, specifier: string, modules: Modules): string | undefined => {
  const to = resolveImport(from, specifier);
  if (to.startsWith('../')) return `imports '${specifier}', which is outside src`;
  if (!modules.has(to)) return `imports '${specifier}', which is no TypeScript file of src`;
  const wrong = checkArrow(from, to);
  return wrong === undefined ? undefined : `${wrong} ('${specifier}')`;
};

const checkPackage = (from: string, specifier: string): string | undefined => {
  if (specifier.startsWith('node:')) return undefined;
  if (isBuiltin(specifier)) return `imports '${specifier}' without 'node:'`;
  const name = packageOf(specifier);
  const home = PACKAGE_HOMES[name];
  if (home === undefined) return `imports '${name}', which has no home in src`;
  const isHome = home.endsWith('/') ? from.startsWith(home) : from === home;
  return isHome ? undefined : `imports '${name}', whose one home is src/${home}`;
};

const checkImport = (from: string, specifier: string, modules: Modules): string | undefined =>
  specifier.startsWith('.') ? checkRelative(from, specifier, modules) : checkPackage(from, specifier);

/** Each cycle once, as `a → b → a`, starting at its first file in sorted order. */
const findCycles = (modules: Modules): string[] => {
  const cycles = new Set<string>();
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      const ring = trail.slice(start);
      const first = ring.indexOf(ring.toSorted()[0] ?? '');
      const turned = [...ring.slice(first), ...ring.slice(0, first)];
      cycles.add([...turned, turned[0]].join(' → '));
    }
    if (start >= 0 || done.has(path)) return;
    for (const specifier of modules.get(path)?.imports ?? []) {
      if (specifier.startsWith('.')) visit(resolveImport(path, specifier), [...trail, path]);
    }
    done.add(path);
  };
  for (const path of modules.keys()) visit(path, []);
  return [...cycles].map((cycle) => `src: import cycle ${cycle}`);
};

const checkName = (path: string): string[] => {
  const words = path.replace(/\.ts$/, '').split(/[/.-]/);
  const forbidden = words.filter((word) => FORBIDDEN_WORDS.test(word));
  const kebab = KEBAB_CASE.test(posix.basename(path)) ? [] : ['the file name is not kebab-case'];
  return [...kebab, ...forbidden.map((word) => `'${word}' is no name: say what it is`)];
};

const checkLength = (lineCount: number, most: number): string[] =>
  lineCount > most ? [`${lineCount} lines, ${most} at most`] : [];

const checkShape = (module: SourceModule, most: number): string[] => [
  ...checkLength(module.lineCount, most),
  ...(module.hasDefaultExport ? ['has a default export'] : []),
];

/** A suite that takes long stands in test/long/, under the same path. */
const isTested = (path: string, tests: Modules): boolean => tests.has(path) || tests.has(`long/${path}`);

/** Style sheets and scripts for browsers are read by people, too. */
const checkAssets = (src: string): string[] =>
  readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(css|js)$/.test(path))
    .flatMap((path) =>
      checkLength(readFileSync(join(src, path), 'utf8').trimEnd().split('\n').length, MAX_LINES).map(
        (what) => `src/${path.replaceAll('\\', '/')}: ${what}`,
      ),
    );

const checkSourceModule = (path: string, module: SourceModule, all: Modules, tests: Modules): string[] => [
  ...checkName(path),
  ...checkShape(module, MAX_LINES),
  ...(module.isBarrel ? ['only re-exports: import from where things stand'] : []),
  ...(module.emitsCode && !isTested(path, tests) && UNTESTED[path] === undefined
    ? [`has no test at test/${path} or test/long/${path}`]
    : []),
  ...module.imports.flatMap((specifier) => checkImport(path, specifier, all) ?? []),
];

/**
 * Looks at a project's tree.
 * @param root - the project's folder, with `src` and `test` below it
 * @returns every complaint as `path: what is wrong`, sorted; empty when the house is in order
 */
export const checkLayout = (root: string): readonly string[] => {
  const src = readModules(join(root, 'src'));
  const tests = readModules(join(root, 'test'));
  const unknown = (folder: string, known: (entry: string) => boolean): string[] =>
    entries(join(root, folder))
      .filter((entry) => !known(entry))
      .map((entry) => `${posix.join(folder, entry)}: has no place in the layout`);
  return [
    ...unknown('.', (entry) => TOP_LEVEL.has(entry) || entry.endsWith('.tgz')),
    ...unknown('src', (entry) => MAY_IMPORT[entry] !== undefined),
    ...unknown('test', (entry) => TEST_FOLDERS.has(entry)),
    ...Object.keys(UNTESTED).flatMap((path) =>
      isTested(path, tests) ? [`src/${path}: has a test and is listed as untested`] : [],
    ),
    ...checkRooms(join(root, 'src')),
    ...findCycles(src),
    ...[...src].flatMap(([path, module]) =>
      checkSourceModule(path, module, src, tests).map((what) => `src/${path}: ${what}`),
    ),
    ...checkAssets(join(root, 'src')),
    ...[...tests].flatMap(([path, module]) =>
      checkShape(module, MAX_TEST_LINES).map((what) => `test/${path}: ${what}`),
    ),
  ].toSorted();
};
