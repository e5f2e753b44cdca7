// What is published: exact versions, licences that go with Apache-2.0, a clean lock file, and only the files meant.

import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { isInRange, parseVersion } from '../helpers/node-range.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly engines?: { readonly node?: string };
  readonly bin: Readonly<Record<string, string>>;
  readonly files: readonly string[];
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly devOptional?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const readManifest = (folder: string): Manifest => JSON.parse(read(`${folder}/package.json`)) as Manifest;

const manifest = readManifest('.');
const lock = (JSON.parse(read('package-lock.json')) as { packages: Record<string, LockEntry> }).packages;
const locked = Object.entries(lock).filter(([path]) => path !== '');
const production = locked.filter(([, entry]) => entry.dev !== true && entry.devOptional !== true);

t.test('every dependency has an exact version', async (t) => {
  for (const [name, version] of Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }))
    t.match(version, /^\d+\.\d+\.\d+$/, name);
});

t.test('the lock file is of this package.json, names no host and proves every package', async (t) => {
  t.strictSame(lock['']?.dependencies, manifest.dependencies);
  t.strictSame(lock['']?.devDependencies, manifest.devDependencies);
  t.strictSame(
    locked.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path),
    [],
  );
  t.strictSame(
    locked.filter(([, { integrity }]) => integrity === undefined).map(([path]) => path),
    [],
  );
  t.notMatch(read('package-lock.json'), /https?:\/\/(registry|localhost|\d)/);
});

t.test(
  'the lock file holds every optional package, for every platform: else `npm ci` refuses it',
  async (t) => {
    const absent = locked.flatMap(([path, { optionalDependencies = {} }]) =>
      Object.keys(optionalDependencies)
        .filter(
          (name) => (lock[`${path}/node_modules/${name}`] ?? lock[`node_modules/${name}`]) === undefined,
        )
        .map((name) => `${name}, wanted by ${path}`),
    );
    t.strictSame(absent, []);
  },
);

/** may be part of a work under Apache-2.0 (permissive, no copyleft) */
const COMPATIBLE = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
]);

/** an SPDX expression of OR alone: one good choice is enough */
const isCompatible = (licence: string): boolean =>
  licence
    .replaceAll(/[()]/g, '')
    .split(' OR ')
    .some((choice) => COMPATIBLE.has(choice.trim()));

t.test('the licence of every production dependency goes with Apache-2.0', async (t) => {
  t.ok(production.length > Object.keys(manifest.dependencies).length, 'the whole tree, not the first row');
  for (const [path] of production) {
    if (lock[path]?.optional === true && !existsSync(join(root, path))) continue;
    const { license = 'none' } = readManifest(path);
    t.ok(isCompatible(license), `${path}: ${license}`);
  }
  for (const licence of ['GPL-3.0', 'UNLICENSED', 'none', 'MIT AND GPL-2.0', 'SSPL-1.0'])
    t.notOk(isCompatible(licence), licence);
});

t.test('every production dependency runs on the oldest Node that engines promises', async (t) => {
  const floor = manifest.engines?.node?.replace('>=', '') ?? '';
  t.match(floor, /^\d+\.\d+\.\d+$/, 'engines is one floor');
  t.ok(isInRange(process.versions.node, `>=${floor}`), 'this Node is no older');
  for (const [path] of production) {
    if (!existsSync(join(root, path))) continue;
    const range = readManifest(path).engines?.node ?? '*';
    t.ok(isInRange(floor, range), `${path} wants ${range}`);
  }
  const workflow = read('.github/workflows/ci.yml');
  const majors = [...(/node: \[([^\]]*)\]/.exec(workflow)?.[1] ?? '').matchAll(/\d+/g)].map(Number);
  t.equal(Math.min(...majors), parseVersion(floor)[0], 'CI runs its major');
});

t.test('version ranges are read as npm reads them', async (t) => {
  for (const [version, range] of [
    ['20.18.1', '>=20.18.1'],
    ['20.18.1', '20 || >=22'],
    ['20.18.1', '^18.17.0 || ^20.5.0'],
    ['20.18.1', '>= 6.13.0'],
    ['20.18.1', '>=18 <21'],
    ['20.18.1', '*'],
    ['20.18.1', '20.x'],
  ] as const)
    t.ok(isInRange(version, range), range);
  for (const range of ['>=20.19', '>20.18.1', '^20.19.0 || >=22', '<20', '18.x', '~20.17.0', '>=22 <24'])
    t.notOk(isInRange('20.18.1', range), range);
  t.throws(() => isInRange('20.18.1', 'lts/*'), /not understood/);
});

t.test('nothing that is shipped runs a script when it is installed', async (t) => {
  const scripts = production.filter(([, entry]) => entry.hasInstallScript === true).map(([path]) => path);
  t.strictSame(scripts, []);
  const own = (JSON.parse(read('package.json')) as { scripts: Record<string, string> }).scripts;
  // `prepare` is for clones; npm does not run it for a package from the registry
  for (const name of ['preinstall', 'install', 'postinstall']) t.notOk(name in own, name);
});

interface PackedFile {
  readonly path: string;
  readonly mode: number;
}

t.test('the package holds the program and nothing else', async (t) => {
  for (const entry of manifest.files)
    t.ok(existsSync(join(root, entry.replace(/\/\*\.\w+$/, ''))), `'${entry}' of files exists`);
  // without scripts: `prepare` would build into dist while other suites run it
  const { stdout, status } = spawnSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: root,
    encoding: 'utf8',
    timeout: 60_000,
  });
  t.equal(status, 0);
  const [packed] = JSON.parse(stdout) as [{ readonly files: readonly PackedFile[] }];
  const paths = packed.files.map((file) => file.path);
  const allowed =
    /^(dist|config|deploy|systemd|docs\/man)\/|^docs\/[\w-]+\.md$|^docs\/images\/\w+\.svg$|^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/;
  t.strictSame(
    paths.filter((path) => !allowed.test(path)),
    [],
    'no test, no source, no key',
  );
  for (const path of ['LICENSE', 'README.md', 'CHANGELOG.md', 'systemd/linkgate.service'])
    t.ok(paths.includes(path), path);
  for (const path of paths.filter((file) => /^dist\/.*\.js$/.test(file))) {
    const source = path.replace(/^dist\/(.*)\.js$/, 'src/$1');
    t.ok(
      existsSync(join(root, `${source}.ts`)) || existsSync(join(root, `${source}.js`)),
      `${path} has its source`,
    );
  }
  for (const page of readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')))
    t.ok(paths.includes(`docs/${page}`), `docs/${page}, to which the program points`);
});

t.test(
  'what the program reads from src/ and no compiler writes is built unchanged, and shipped',
  async (t) => {
    const found = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
    const files = found.filter((path) => /\.(js|css|svg)$/.test(path));
    t.strictSame(
      files.toSorted().map((path) => path.replace(/^admin\/page\//, '')),
      ['charts.css', 'domains.css', 'events.css', 'ground.css', 'icon.svg', 'media.css', 'script.js'],
    );
    for (const path of files) t.equal(read(`dist/${path}`), read(`src/${path}`), path);
  },
);

t.test('the command is built, can be run and knows its interpreter', async (t) => {
  for (const [name, path] of Object.entries(manifest.bin)) {
    t.doesNotThrow(() => accessSync(join(root, path), constants.X_OK), `${name}: ${path}, by npm run build`);
    t.match(read(path), /^#!\/usr\/bin\/env node\n/);
  }
});
