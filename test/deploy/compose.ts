// The container's files, and what is put next to it: nothing named that is not there, nothing there that is not named.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parse } from 'yaml';
import { PACKAGED } from '../../src/app/systemd/units.ts';
import { checkDeployed } from '../helpers/check-deployed.ts';
import { needs } from '../helpers/needs.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FOLDER = join(ROOT, 'deploy', 'docker');
const read = (path: string): string => readFileSync(join(FOLDER, path), 'utf8');

interface Service {
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly secrets?: readonly string[];
  readonly stop_grace_period?: string;
}
const compose = parse(read('compose.yaml')) as {
  services: Record<string, Service>;
  volumes: Record<string, null>;
  secrets: Record<string, { file: string }>;
};
const settings = parse(read('linkgate.yaml')) as {
  listen: Record<string, string>;
  admin: { tokenFile: string; hosts: string[] };
};

t.test('what is mounted is there', async (t) => {
  const named = new Set(['Dockerfile', 'compose.yaml', '.gitignore']);
  for (const [name, { volumes = [], secrets = [] }] of Object.entries(compose.services)) {
    for (const volume of volumes) {
      const [source = ''] = volume.split(':');
      if (source.startsWith('.')) {
        t.ok(existsSync(resolve(FOLDER, source)), `${name}: ${source}`);
        named.add(source.replace(/^\.\//, ''));
      } else t.ok(source in compose.volumes, `${name}: ${source}`);
    }
    for (const secret of secrets) t.ok(secret in compose.secrets, `${name}: ${secret}`);
  }
  const files = readdirSync(FOLDER, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(FOLDER.length + 1));
  const made = Object.values(compose.secrets).map(({ file }) => file.replace(/^\.\//, ''));
  t.strictSame(
    files.filter((path) => !named.has(path) && !made.includes(path)),
    [],
  );
  t.strictSame(
    read('.gitignore').trim().split('\n').toSorted(),
    made.toSorted(),
    'a secret is never committed',
  );
});

t.test('ports, secrets and times fit the configuration', async (t) => {
  const service = compose.services['linkgate'];
  const inside = service?.ports?.map((port) => `:${port.split(':').at(-1)}`);
  t.strictSame(
    inside,
    ['https', 'http', 'admin'].map((listener) => settings.listen[listener]),
  );
  t.strictSame(
    service?.secrets?.map((name) => `/run/secrets/${name}`),
    [settings.admin.tokenFile],
  );
  t.ok(Number(/^(\d+)s$/.exec(service?.stop_grace_period ?? '')?.[1]) * 1_000 > PACKAGED.drainMs + 1_000);
  const prometheus = parse(read('prometheus.yaml')) as {
    scrape_configs: { static_configs: { targets: string[] }[] }[];
  };
  const [target = ''] = prometheus.scrape_configs[0]?.static_configs[0]?.targets ?? [];
  const [host, port] = target.split(':');
  t.ok(settings.admin.hosts.includes(host ?? ''));
  t.equal(`:${port}`, settings.listen['admin']);
});

t.test('Prometheus takes its own', { skip: needs('promtool') }, async (t) => {
  const rules = resolve(FOLDER, '../prometheus/alerts.yml');
  const path = join(tempDir(t), 'prometheus.yml');
  writeFileSync(path, read('prometheus.yaml').replace('/etc/prometheus/alerts.yml', rules));
  const checked = spawnSync('promtool', ['check', 'config', path], { encoding: 'utf8', timeout: 60_000 });
  t.equal(checked.status, 0, checked.stderr);
  t.match(checked.stdout, /SUCCESS: \d+ rules found/);
});

t.test('linkgate takes the configuration', async (t) => {
  t.match(await checkDeployed(t, join(FOLDER, 'linkgate.yaml')), { status: 0, stderr: '' });
});

t.test('the image is made of what is there, and of nothing else', async (t) => {
  const text = read('Dockerfile');
  const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
  t.ok(ignored.includes('*'), 'nothing is sent to the builder by default');
  const sources = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths = '']) =>
    paths.split(' '),
  );
  t.ok(sources.length > 3);
  for (const path of sources) {
    t.ok(existsSync(join(ROOT, path)), path);
    t.ok(ignored.includes(`!${path}`), path);
  }
  t.equal(ignored.filter((line) => line.startsWith('!')).length, sources.length);
  // what the program reads as well as its own modules
  const needed = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) =>
      [...readFileSync(join(ROOT, 'src', path), 'utf8').matchAll(/new URL\(['`]([^'`$]+)/g)].map(
        ([, name = '']) => posix.join('src', posix.dirname(path), name).replace(/\/$/, ''),
      ),
    )
    .filter((path) => !path.startsWith('src/'));
  for (const path of ['package.json', 'docs']) t.ok(needed.includes(path), `${path} is read`);
  for (const path of needed) t.ok(sources.includes(path), `${path} is in the image`);
  const exposed = /^EXPOSE (.+)$/m
    .exec(text)?.[1]
    ?.split(' ')
    .map((port) => `:${port}`);
  t.strictSame(exposed, [settings.listen['https'], settings.listen['http']]);
  t.match(text, /^USER [1-9]\d+:[1-9]\d+$/m, 'not root, by number: Kubernetes checks it');
  t.equal(dirname(settings.admin.tokenFile), '/run/secrets');
});
