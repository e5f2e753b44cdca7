import { createServer, type AddressInfo } from 'node:net';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startSupervisor } from '../../../src/app/supervisor/supervisor.ts';
import { clickHttp1 } from '../../helpers/click.ts';
import { freePort } from '../../helpers/free-port.ts';
import { localRoot } from '../../helpers/local-root.ts';
import { localSettings } from '../../helpers/settings.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

t.test('one process tree: certificate, click, count, status, end', async (t) => {
  const home = await tracker(t);
  const settings = localSettings(t, home);
  const supervisor = await startSupervisor({ settings, logLevel: 'silent' });
  t.teardown(() => supervisor.stop(0));
  const { https, admin } = supervisor.addresses;
  const show = async (path: string): Promise<Response> => fetch(`http://127.0.0.1:${admin.port}${path}`);
  t.equal((await show('/readyz')).status, 200);
  await until('the certificate is live', () => supervisor.isLive());

  const ca = localRoot(settings.certificates.storage.path);
  const click = () => clickHttp1({ port: https.port, domain: 'links.example.com', ca, path: '/e/c/x/y' });
  t.match(await until('a click', click), /^HTTP\/1\.1 302 /);
  await until('it is counted', async () =>
    (await (await show('/metrics')).text()).includes(
      'linkgate_clicks_total{domain="links.example.com",kind="click",code="3xx"} 1',
    ),
  );
  t.match(await (await show('/api/status')).json(), {
    ready: true,
    workers: [{ state: 'ready' }],
    upstreams: [{ region: 'us', url: home.url, healthy: true }],
    domains: [{ name: 'links.example.com', region: 'us', state: 'live', https: true }],
  });

  t.match(await (await show('/')).text(), /<h1>Your domain is served<\/h1>[^]*links\.example\.com/);

  const [worker] = ((await (await show('/api/status')).json()) as { workers: { pid: number }[] }).workers;
  process.kill(worker?.pid ?? 0, 'SIGSTOP');
  t.equal((await show('/readyz')).status, 200, 'not known yet');
  process.kill(worker?.pid ?? 0, 'SIGKILL');
  await until('nobody serves', async () => (await show('/readyz')).status === 503);
  await until('somebody serves again', async () => (await show('/readyz')).status === 200, 60_000);

  await supervisor.stop(1_000);
  await t.rejects(show('/healthz'), 'nothing answers any more');
  await t.rejects(click());
});

t.test('a start that fails leaves nothing running', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  const taken = { host: '127.0.0.1', port: (other.address() as AddressInfo).port };
  const settings = localSettings(t);
  // held sockets are the first to go: the same ports are free for the next start
  const first = await startSupervisor({ settings, logLevel: 'silent' });
  const { https, http } = first.addresses;
  await first.stop(0);
  for (const listener of ['https', 'http', 'admin'] as const) {
    await t.rejects(
      startSupervisor({
        settings: { ...settings, listen: { https, http, admin: settings.listen.admin, [listener]: taken } },
        logLevel: 'silent',
      }),
      { code: 'ERR_LISTEN_IN_USE' },
      listener,
    );
  }
  const again = await startSupervisor({
    settings: { ...settings, listen: { ...settings.listen, https, http } },
    logLevel: 'silent',
  });
  t.match(again.addresses, { https, http });
  await again.stop(0);

  // the last thing that can fail, when all else runs
  const [upstream] = settings.upstreams;
  const admin = { host: '127.0.0.1', port: await freePort() };
  const openFiles = (): number => readdirSync('/dev/fd').length;
  const before = openFiles();
  await t.rejects(
    startSupervisor({
      settings: {
        ...settings,
        listen: { https, http, admin },
        upstreams: upstream === undefined ? [] : [{ ...upstream, origin: 'nowhere' }],
      },
      logLevel: 'silent',
    }),
    { message: /Invalid URL/ },
  );
  await t.rejects(fetch(`http://127.0.0.1:${admin.port}/healthz`));
  await until('sockets and channels are closed', () => openFiles() <= before);

  const file = join(tempDir(t), 'file');
  writeFileSync(file, '');
  const certificates = {
    ...settings.certificates,
    storage: { type: 'file', path: join(file, 'certs') } as const,
  };
  await t.rejects(startSupervisor({ settings: { ...settings, certificates }, logLevel: 'silent' }), {
    code: 'ERR_STORAGE_UNAVAILABLE',
  });
});
