// The CA file of the tracker, as it lives: it is read by the supervisor when it loads the settings, and by nobody else.

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { clickHttp1 } from '../../helpers/click.ts';
import { linkgate, writeConfig, type LogLine } from '../../helpers/linkgate.ts';
import { localRoot } from '../../helpers/local-root.ts';
import { createPki } from '../../helpers/pki.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

t.test('a CA file that is lost harms no worker; a reload takes up what stands in it', async (t) => {
  const folder = tempDir(t);
  const home = await tracker(t);
  const storage = join(folder, 'certs');
  const caFile = join(folder, 'tracker.pem');
  writeFileSync(caFile, home.caPem);
  const config = writeConfig(folder, {
    listen: { https: '127.0.0.1:0', http: '127.0.0.1:0', admin: '127.0.0.1:0' },
    upstream: { url: home.url, serverName: home.serverName, caFile },
    certificates: { storage: { type: 'file', path: storage }, issuers: [{ type: 'local' }] },
    domains: [{ name: 'links.example.com' }],
    workers: 1,
  });
  const proxy = linkgate(t, ['run', '--config', config]);
  await proxy.line((line) => line.message === 'certificate issued');
  const port = await proxy.port('https');
  const ca = localRoot(storage);
  const click = (): Promise<string> =>
    clickHttp1({ port, domain: 'links.example.com', ca, path: '/e/c/x/y' });
  const count = (message: string): number =>
    proxy.log.filter((line) => String(line.message).startsWith(message)).length;
  const reload = async (code: string | undefined): Promise<void> => {
    const reloads = (): readonly LogLine[] => proxy.log.filter(({ event }) => event === 'settings.reloaded');
    const before = reloads().length;
    proxy.process.kill('SIGHUP');
    await until('the reload is over', () => reloads().length > before);
    t.equal(reloads().at(-1)?.['code'], code);
  };
  await until('the first click', click);

  rmSync(caFile);
  t.match(await click(), /^HTTP\/1\.1 302 /, 'a running worker');
  const started = count('worker started');
  const pid = Number(proxy.log.find((line) => line.message === 'worker started')?.['worker']);
  process.kill(pid, 'SIGKILL');
  t.match(await click(), /^HTTP\/1\.1 302 /, 'a restarted worker');
  await until('it was replaced', () => count('worker started') > started);
  await reload('ERR_CONFIG_INVALID');
  t.match(await click(), /^HTTP\/1\.1 302 /, 'a reload without the file changes nothing');

  writeFileSync(caFile, createPki().rootPem);
  await reload(undefined);
  await until('the other authority', async () => (await click()).startsWith('HTTP/1.1 502 '));
  writeFileSync(caFile, home.caPem);
  await reload(undefined);
  await until('the right one', async () => (await click()).startsWith('HTTP/1.1 302 '));
});
