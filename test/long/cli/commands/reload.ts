import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { freePort } from '../../../helpers/free-port.ts';
import { linkgate, writeConfig } from '../../../helpers/linkgate.ts';
import { linkgateCommand } from '../../../helpers/linkgate-command.ts';
import { tempDir } from '../../../helpers/temp-dir.ts';

const configuration = async (t: Test) => ({
  listen: { https: '127.0.0.1:0', http: '127.0.0.1:0', admin: `127.0.0.1:${await freePort()}` },
  certificates: { storage: { type: 'file', path: join(tempDir(t), 'certs') }, issuers: [{ type: 'local' }] },
  domains: [{ name: 'links.example.com' }],
  workers: 1,
});

t.test('the running proxy takes the file up and says what waits for its next start', async (t) => {
  const folder = tempDir(t);
  const config = { ...(await configuration(t)), admin: { tokenFile: 'token' } };
  const writeToken = (token: string): void => writeFileSync(join(folder, 'token'), token, { mode: 0o600 });
  writeToken('first-token-of-this-test');
  const path = writeConfig(folder, config);
  const proxy = linkgate(t, ['run', '--config', path]);
  await proxy.line(({ message }) => message === 'linkgate runs');
  writeToken('second-token-of-this-test');

  writeConfig(folder, {
    ...config,
    listen: { ...config.listen, https: '127.0.0.2:0' },
    domains: [...config.domains, { name: 'new.example.com' }],
  });
  t.match(await linkgateCommand(['reload', '--config', path]), {
    status: 0,
    stdout: 'reloaded: 2 domains\nlisten.https changed: it takes effect when the proxy is started again\n',
    stderr: '',
  });
  await proxy.line((line) => line.message === 'certificate issued' && line['domain'] === 'new.example.com');

  writeConfig(folder, { ...config, domains: [] });
  const refused = await linkgateCommand(['reload', '--config', path]);
  t.equal(refused.status, 78);
  t.match(refused.stderr, /domains.*\nERR_CONFIG_INVALID: /);
  t.equal(proxy.log.filter(({ message }) => message === 'settings reloaded').length, 1, 'it was not asked');
  proxy.process.kill('SIGTERM');
  t.equal(await proxy.ended, 0);
});

t.test('a file that only the proxy finds fault with', async (t) => {
  const folder = tempDir(t);
  const config = await configuration(t);
  const path = writeConfig(folder, config);
  const proxy = linkgate(t, ['run', '--config', path]);
  await proxy.line(({ message }) => message === 'linkgate runs');
  // as after an edit that was not finished when the proxy was told
  const other = join(folder, 'other.yaml');
  writeFileSync(other, JSON.stringify(config));
  writeFileSync(path, 'domains: []\n');
  const refused = await linkgateCommand(['reload', '--config', other]);
  t.equal(refused.status, 78);
  t.match(refused.stderr, /domains.*\nthe old settings stay\n$/s);
  proxy.process.kill('SIGTERM');
  t.equal(await proxy.ended, 0);
});

t.test('no proxy answers, or another program does', async (t) => {
  const config = await configuration(t);
  const path = writeConfig(tempDir(t), config);
  const nothing = await linkgateCommand(['reload', '--config', path]);
  t.equal(nothing.status, 69);
  t.match(nothing.stderr, 'ERR_ADMIN_UNREACHABLE');

  // a forwarded port: the number is of another machine, and here it is this very test
  let hung = false;
  process.on('SIGHUP', () => (hung = true));
  const far = createServer((_request, response) => {
    response.end(JSON.stringify({ pid: process.pid, domains: [], workers: [], reload: null }));
  });
  await new Promise<void>((resolve) => far.listen(0, '127.0.0.1', resolve));
  t.teardown(() => far.close());
  const { port } = far.address() as AddressInfo;
  const forwarded = writeConfig(tempDir(t), { ...config, listen: { admin: `127.0.0.1:${port}` } });
  const denied = await linkgateCommand(['reload', '--config', forwarded]);
  t.equal(denied.status, 69);
  t.match(denied.stderr, 'ERR_RELOAD_DENIED');
  t.notOk(hung, 'nobody was signalled');
});
