// What a person does wrong, or finds broken: one clear line and the right exit code, or a retry while all else serves.

import { writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { freePort } from '../../../helpers/free-port.ts';
import { linkgate, writeConfig } from '../../../helpers/linkgate.ts';
import { needs } from '../../../helpers/needs.ts';
import { gather } from '../../../helpers/serve.ts';
import { tempDir } from '../../../helpers/temp-dir.ts';
import { terminal } from '../../../helpers/terminal.ts';
import { tracker } from '../../../helpers/tracker.ts';
import { until } from '../../../helpers/until.ts';

const CTRL_C = '\u0003';

const good = (folder: string) => ({
  listen: { https: '127.0.0.1:0', http: '127.0.0.1:0', admin: '127.0.0.1:0' },
  certificates: {
    storage: { type: 'file', path: join(folder, 'certs') },
    issuers: [{ type: 'local' }] as object[],
  },
  domains: [{ name: 'links.example.com' }],
  workers: 1,
});

t.test('five mistakes are all listed', async (t) => {
  const folder = tempDir(t);
  const path = join(folder, 'linkgate.yaml');
  writeFileSync(
    path,
    [
      'listen: { https: everywhere }',
      'upstream:',
      '  region: mars',
      '  responseTimeout: soon',
      'domains:',
      '  - name: links_example.com',
      '  - name: clicks.example.net',
      '    redirectHtp: true',
      '',
    ].join('\n'),
  );
  const proxy = linkgate(t, ['run', '--config', path]);
  t.equal(await proxy.ended, 78);
  for (const [line, where] of [
    [1, 'listen.https'],
    [3, 'upstream.region'],
    [4, 'upstream.responseTimeout'],
    [6, 'domains[0].name'],
    [8, 'domains[1].redirectHtp'],
  ] as const) {
    t.match(
      proxy.stderr(),
      new RegExp(`linkgate\\.yaml:${line}:\\d+ ${where.replaceAll(/[[\]]/g, '\\$&')}: `),
      where,
    );
  }
  t.notMatch(proxy.stderr(), /\n\s+at /, 'no stack');
});

t.test('a port in use', async (t) => {
  const folder = tempDir(t);
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  const { port } = other.address() as AddressInfo;
  for (const listener of ['https', 'http', 'admin']) {
    const config = good(folder);
    const path = writeConfig(folder, {
      ...config,
      listen: { ...config.listen, [listener]: `127.0.0.1:${port}` },
    });
    const proxy = linkgate(t, ['run', '--config', path]);
    t.equal(await proxy.ended, 69, listener);
    t.match(proxy.stderr(), new RegExp(`^linkgate: ${listener} .*127\\.0\\.0\\.1:${port}`));
    t.match(proxy.stderr(), 'ERR_LISTEN_IN_USE');
    t.equal(proxy.stderr().trimEnd().split('\n').length, 2, 'what is wrong, and how to fix it');
  }
});

t.test('a storage that cannot be used', async (t) => {
  const folder = tempDir(t);
  const file = join(folder, 'file');
  writeFileSync(file, '');
  const config = good(folder);
  config.certificates.storage.path = join(file, 'certs');
  const proxy = linkgate(t, ['run', '--config', writeConfig(folder, config)]);
  t.equal(await proxy.ended, 69);
  t.match(
    proxy.stderr(),
    /^linkgate: storage ".*file\/certs" cannot be \w+: ENOTDIR\nERR_STORAGE_UNAVAILABLE: /,
  );
});

t.test('a CA that cannot be reached: one line, a plan, and everything else serves', async (t) => {
  const folder = tempDir(t);
  const config = good(folder);
  const directory = `https://localhost:${await freePort()}/dir`;
  config.certificates.issuers = [{ type: 'acme', directory }];
  const proxy = linkgate(t, ['run', '--config', writeConfig(folder, config)]);
  const line = await proxy.line((entry) => entry.message === 'certificate not issued');
  t.match(line, { domain: 'links.example.com', code: 'ERR_ACME_UNREACHABLE', nextAttempt: /^\d{4}-/ });
  t.match(String(line['detail']), 'ECONNREFUSED');
  const admin = await proxy.port('admin');
  t.equal((await fetch(`http://127.0.0.1:${admin}/readyz`)).status, 200);
  const metrics = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  t.match(metrics, 'linkgate_certificates{state="failing"} 1');
  proxy.process.kill('SIGTERM');
  t.equal(await proxy.ended, 0);
});

t.test('no configuration, unknown words', async (t) => {
  const missing = linkgate(t, ['run', '--config', join(tempDir(t), 'none.yaml')]);
  t.equal(await missing.ended, 78);
  t.match(missing.stderr(), /^linkgate: .*none\.yaml.*\nERR_CONFIG_UNREADABLE: /);
  const unknown = linkgate(t, ['fly']);
  t.equal(await unknown.ended, 64);
});

t.test('SIGHUP reads the configuration again', async (t) => {
  const proxy = linkgate(t, ['run', '--config', writeConfig(tempDir(t), good(tempDir(t)))]);
  const admin = await proxy.port('admin');
  proxy.process.kill('SIGHUP');
  t.match(await proxy.line((line) => line.message === 'settings reloaded'), {
    domains: 1,
    changed: 0,
    removed: 0,
  });
  t.equal((await fetch(`http://127.0.0.1:${admin}/readyz`)).status, 200);
  proxy.process.kill('SIGTERM');
  t.equal(await proxy.ended, 0);
  const lines = proxy.stdout().trimEnd().split('\n');
  t.ok(
    lines.every((text) => text.startsWith('{')),
    'a pipe gets JSON alone',
  );
});

t.test(
  'in a terminal: lines for people, and one that says where the page is',
  { skip: needs('python3') },
  async (t) => {
    const folder = tempDir(t);
    const config = writeConfig(folder, good(folder));
    const { status, text } = await terminal(['run', '--config', config], [{ see: 'ready: ', keys: CTRL_C }]);
    t.equal(status, 0, text);
    const [, ...ports] =
      /^ready: https 127\.0\.0\.1:(\d+), http 127\.0\.0\.1:(\d+), page http:\/\/127\.0\.0\.1:(\d+)\/$/m.exec(
        text,
      ) ?? [];
    for (const [index, listener] of ['https', 'http', 'admin'].entries()) {
      t.match(text, `listener.opened listener=${listener} host=127.0.0.1 port=${ports[index]}\n`);
    }
    t.ok(text.indexOf('linkgate runs') < text.indexOf('ready: '), 'it stands below the lines of the start');
    t.notMatch(text, '{"');
  },
);

t.test('in a terminal with `log.format: json`: JSON alone', { skip: needs('python3') }, async (t) => {
  const folder = tempDir(t);
  const config = writeConfig(folder, { ...good(folder), log: { format: 'json' } });
  const { status, text } = await terminal(
    ['run', '--config', config],
    [{ see: 'program.started', keys: CTRL_C }],
  );
  t.equal(status, 0, text);
  t.match(text, '"event":"program.stopped"');
  t.notMatch(text, 'ready: ');
});

t.test('SIGTERM: a request in flight gets drainTimeout, as a reload left it, and no more', async (t) => {
  const home = await tracker(t, { answer: () => undefined });
  const folder = tempDir(t);
  const config = {
    ...good(folder),
    upstream: { url: home.url, serverName: home.serverName, caFile: home.caFile, responseTimeout: '2m' },
  };
  const path = writeConfig(folder, { ...config, drainTimeout: '10m' });
  const proxy = linkgate(t, ['run', '--config', path]);
  const port = await proxy.port('http');
  writeConfig(folder, { ...config, drainTimeout: '1s' });
  proxy.process.kill('SIGHUP');
  await proxy.line((line) => line.message === 'settings reloaded');
  const click = connect(port, '127.0.0.1');
  const answer = gather(click);
  click.write('GET /e/c/x/y HTTP/1.1\r\nHost: links.example.com\r\n\r\n');
  await until('the tracker has it', () => home.requests.length === 1, 60_000);
  proxy.process.kill('SIGTERM');
  t.match(await proxy.line((line) => line['event'] === 'worker.drained'), { cut: 1 });
  t.equal(await proxy.ended, 0);
  t.equal(await answer, '');
});
