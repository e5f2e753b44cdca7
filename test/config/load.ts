import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { fromJSONSchema } from 'zod';
import { loadSettings } from '../../src/config/load.ts';
import { LinkgateError } from '../../src/core/errors.ts';
import { SAMPLE_CA_PEM, configFiles } from '../helpers/config-files.ts';
import { jsonSchema } from '../../src/config/schema/json-schema.ts';
import { parseConfigDocument } from '../../src/config/text/document.ts';

const failure = async (path: string): Promise<LinkgateError> => {
  try {
    await loadSettings(path);
  } catch (error) {
    if (error instanceof LinkgateError) return error;
    throw new Error('something else than a LinkgateError was thrown', { cause: error });
  }
  throw new Error(`${path} was accepted`);
};

const problemsOf = async (path: string): Promise<string[]> => {
  const error = await failure(path);
  const problems = error.details.problems ?? [];
  for (const { message } of problems) {
    if (!error.message.includes(message)) throw new Error(`the message leaves out: ${message}`);
  }
  return problems.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`);
};

t.test('one name is a configuration', async (t) => {
  const { write } = configFiles(t);
  const settings = await loadSettings(write('linkgate.yaml', 'domains: [{ name: links.example.com }]\n'));
  t.match(settings, {
    domains: [{ name: 'links.example.com', upstream: 'us', redirectHttp: false }],
    listen: { https: { host: '0.0.0.0', port: 443 } },
  });
  t.ok(Object.isFrozen(settings.domains[0]));
});

t.test('mistakes of text, shape, meaning and of other files are reported together', async (t) => {
  const { folder, write } = configFiles(t);
  write('names.txt', 'ok.example.com\nlinks.example.com\nx.example.com region=uk\n');
  const path = write(
    'linkgate.yaml',
    `listen:
  https: 0.0.0.0:443
  http: 0.0.0.0:443
upstream:
  regoin: us
  caFile: none.pem
  connectTimeout: 5 sec
workers: 1
workers: 300
domains:
  - name: links.example.com
  - name: LINKS.example.com
  - region: uk
    name: '*.example.com'
  - region: eu
domainsFile: names.txt
`,
  );
  t.strictSame(await problemsOf(path), [
    '3:9 listen.http: takes the same address and port as listen.https',
    '5:3 upstream.regoin: unknown key; did you mean region?',
    `6:11 upstream.caFile: "${folder}/none.pem" does not exist`,
    '7:19 upstream.connectTimeout: must be a duration from 1ms to 1h such as 250ms, 5s or 2m, not "5 sec"',
    '9:1 : the key workers was given before in the same mapping',
    '9:10 workers: must be auto or a whole number from 1 to 256, not 300',
    `12:11 domains[1].name: "links.example.com" is given twice: first at ${path}:11`,
    '13:13 domains[2].region: must be us or eu, not "uk"',
    `14:11 domains[2].name: "*.example.com" is a wildcard: write each name out`,
    '15:5 domains[3].name: is missing',
    `2:1 name: "links.example.com" is given twice: first at ${path}:11`,
    '3:15 region: must be us or eu, not "uk"',
  ]);
});

t.test('where the text is damaged, only the damage and mistakes in whole lines are reported', async (t) => {
  const { write } = configFiles(t);
  const path = write(
    'linkgate.yaml',
    'listen:\n  https: [::]:443\n  htpp: :80\ndomains:\n  - name: a.example\n',
  );
  t.match(await problemsOf(path), [/^2:14 .*in quotes/, '3:3 listen.htpp: unknown key; did you mean http?']);
  const unclosed = write('unclosed.yaml', 'domains: [\nworkers: 2\n');
  t.ok((await problemsOf(unclosed)).every((problem) => !problem.includes('missing')));
});

t.test('a document that is no configuration is one clear problem', async (t) => {
  const { write } = configFiles(t);
  for (const [text, said] of [
    ['', '1:1 : the configuration is empty: name at least one domain under `domains`'],
    ['# only a comment\n', '1:1 : the configuration is empty: name at least one domain under `domains`'],
    ['- a\n', '1:1 : the configuration must be a mapping with keys such as domains, not a list'],
    ['hello\n', '1:1 : the configuration must be a mapping with keys such as domains, not "hello"'],
    ['3\n', '1:1 : the configuration must be a mapping with keys such as domains, not 3'],
    ['{}\n', '1:1 domains: names no domain: at least one is needed'],
    ['a: *x\n', '1:4 : the alias *x has no anchor before it'],
  ] as const) {
    t.strictSame(await problemsOf(write('c.yaml', text)), [said], JSON.stringify(text));
  }
});

t.test('a socket of systemd is named', async (t) => {
  const { write } = configFiles(t);
  const { listen } = await loadSettings(
    write('c.yaml', 'domains: [{ name: a.example }]\nlisten: { https: fd:web, admin: fd:admin }'),
  );
  t.match(listen, {
    https: { fd: 'web' },
    http: { fd: undefined, port: 80 },
    admin: { fd: 'admin', port: 9464 },
  });
  t.match(
    await problemsOf(
      write('d.yaml', 'domains: [{ name: a.example }]\nlisten: { https: fd:one, http: fd:one }'),
    ),
    [/listen\.http: takes the same socket as listen\.https/],
  );
});

t.test('a file that cannot be read', async (t) => {
  const { folder, write } = configFiles(t);
  const missing = await failure(join(folder, 'none.yaml'));
  t.equal(missing.code, 'ERR_CONFIG_UNREADABLE');
  t.match(missing.message, /^configuration ".*none.yaml" does not exist$/);
  t.ok(missing.cause instanceof Error, 'the cause is kept');
  t.equal((await failure(folder)).code, 'ERR_CONFIG_UNREADABLE');
  t.match((await failure(write('latin1', Buffer.from([0xe4])))).message, /is not UTF-8$/);
  t.match((await failure(write('large', Buffer.alloc(16 * 1024 * 1024 + 1, '#')))).message, /is larger than/);
});

t.test('the configuration of the interface works as far as its keys exist', async (t) => {
  const { folder, write } = configFiles(t);
  write('domains.txt', 'many.example.com region=eu\n');
  write('pebble-root.pem', SAMPLE_CA_PEM);
  const path = write(
    'linkgate.yaml',
    `listen:
  https: 0.0.0.0:443
  http: 0.0.0.0:80
  admin: 127.0.0.1:9464
upstream:
  region: us
  connectTimeout: 3s
  responseTimeout: 15s
  maxConnections: 128
certificates:
  storage: { type: file, path: /var/lib/linkgate/certs }
  keyType: ecdsa-p256
  issuers:
    - type: acme
      directory: letsencrypt
      email: ops@example.com
      challenges: [http-01]
      caFile: pebble-root.pem
    - type: local
domains:
  - name: links.example.com
  - name: clicks.example.eu
    region: eu
    redirectHttp: false
domainsFile: domains.txt
workers: auto
`,
  );
  const settings = await loadSettings(path);
  t.match(settings.upstreams, [{ id: 'us' }, { id: 'eu' }]);
  t.match(settings.certificates.issuers, [{ caFile: join(folder, 'pebble-root.pem') }, { type: 'local' }]);
  t.strictSame(settings.domains, [
    { name: 'links.example.com', upstream: 'us', redirectHttp: false },
    { name: 'clicks.example.eu', upstream: 'eu', redirectHttp: false },
    { name: 'many.example.com', upstream: 'eu', redirectHttp: false },
  ]);
});

t.test('every configuration of the repository loads, and its JSON Schema agrees', async (t) => {
  const folder = new URL('../../config/', import.meta.url).pathname;
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  t.ok(files.includes('linkgate.yaml'));
  const schema = fromJSONSchema(jsonSchema() as Parameters<typeof fromJSONSchema>[0]);
  for (const name of files) {
    const path = join(folder, name);
    t.ok((await loadSettings(path)).domains.length > 0, name);
    const { tree } = parseConfigDocument(readFileSync(path, 'utf8'));
    t.ok(schema.safeParse(tree).success, `${name} by config/schema.json`);
  }
  t.notOk(schema.safeParse({ nothing: 1 }).success, 'which refuses an unknown key');
});

t.test('a hundred thousand names load in about a second', async (t) => {
  const { write } = configFiles(t);
  write('d.txt', Array.from({ length: 100_000 }, (_, i) => `links${i}.example.com region=eu\n`).join(''));
  const begin = performance.now();
  const settings = await loadSettings(write('c.yaml', 'domainsFile: d.txt\n'));
  const seconds = (performance.now() - begin) / 1000;
  t.equal(settings.domains.length, 100_000);
  t.ok(seconds < 5, `${seconds.toFixed(2)} s (the ceiling leaves room for a busy machine)`);
});
