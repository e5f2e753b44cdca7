import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startSupervisor } from '../../../src/app/supervisor/supervisor.ts';
import { LinkgateError } from '../../../src/core/errors.ts';
import type { Settings } from '../../../src/core/settings.ts';
import { clickHttp1 } from '../../helpers/click.ts';
import { gather } from '../../helpers/serve.ts';
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
  await until('somebody serves again', async () => (await show('/readyz')).status === 200, 30_000);

  await supervisor.stop(1_000);
  await t.rejects(show('/healthz'), 'nothing answers any more');
  await t.rejects(click());
});

t.test('a reload adds, changes and removes names; a bad one leaves everything as it was', async (t) => {
  const home = await tracker(t);
  const other = await tracker(t);
  const settings = localSettings(t, home, { workers: 2 });
  const supervisor = await startSupervisor({ settings, logLevel: 'silent' });
  t.teardown(() => supervisor.stop(0));
  const { https, admin } = supervisor.addresses;
  const status = async () =>
    (await (await fetch(`http://127.0.0.1:${admin.port}/api/status`)).json()) as {
      reload: object | null;
      domains: { name: string; state: string }[];
    };
  await until('the certificate is live', () => supervisor.isLive());
  const ca = localRoot(settings.certificates.storage.path);
  const click = (domain: string) => clickHttp1({ port: https.port, domain, ca, path: '/e/c/x/y' });
  t.equal((await status()).reload, null);

  const [us] = settings.upstreams;
  if (us === undefined) throw new Error('no upstream');
  const added: Settings = {
    ...settings,
    upstreams: [us, { id: 'eu', origin: other.url, serverName: other.serverName, caFile: other.caFile }],
    domains: [...settings.domains, { name: 'new.example.com', upstream: 'eu', redirectHttp: false }],
  };
  t.match(await supervisor.reload(() => Promise.resolve(added)), {
    change: { domains: { set: [{ name: 'new.example.com' }], removed: [] }, atRestart: [] },
  });
  await until('the new name is live', () => supervisor.isLive());
  t.match(await click('new.example.com'), /^HTTP\/1\.1 302 /);
  t.equal(other.requests.length, 1, 'in its own region');

  const problem = new LinkgateError('ERR_CONFIG_INVALID', 'linkgate.yaml: domains: is missing');
  t.match(await supervisor.reload(() => Promise.reject(problem)), { error: problem });
  t.match((await status()).reload, { number: 2, problem: problem.message });
  t.match(await click('new.example.com'), /^HTTP\/1\.1 302 /);

  const [links, fresh] = added.domains;
  if (links === undefined || fresh === undefined) throw new Error('two names');
  const { http, admin: adminAddress } = settings.listen;
  await supervisor.reload(() =>
    Promise.resolve({
      ...added,
      listen: { https: { host: '127.0.0.1', port: 1 }, http, admin: adminAddress },
      domains: [{ ...fresh, upstream: 'us' }],
    }),
  );
  t.match(await status(), {
    reload: { number: 3, problem: null, atRestart: ['listen.https'] },
    domains: [{ name: 'new.example.com', state: 'live' }],
  });
  t.match(await click('new.example.com'), /^HTTP\/1\.1 302 /);
  t.equal(home.requests.length, 1, 'it moved to the other region');
  await t.rejects(click('links.example.com'), { code: /ALERT_HANDSHAKE_FAILURE$/ });
});

t.test('workers are replaced one by one under clicks, none of which fails', async (t) => {
  const settings = localSettings(t, await tracker(t), { workers: 2 });
  const supervisor = await startSupervisor({ settings, logLevel: 'silent' });
  t.teardown(() => supervisor.stop(0));
  const { https, admin } = supervisor.addresses;
  await until('the certificate is live', () => supervisor.isLive());
  const ca = localRoot(settings.certificates.storage.path);
  const pids = async (): Promise<number[]> => {
    const answer = await fetch(`http://127.0.0.1:${admin.port}/api/status`);
    return ((await answer.json()) as { workers: { pid: number }[] }).workers.map(({ pid }) => pid);
  };
  const before = await pids();
  const rolling = { isOver: false };
  const rolled = supervisor.roll().finally(() => (rolling.isOver = true));
  let clicks = 0;
  while (!rolling.isOver || clicks < 20) {
    const answer = await clickHttp1({ port: https.port, domain: 'links.example.com', ca, path: '/e/c/x/y' });
    if (!answer.startsWith('HTTP/1.1 302 ')) t.fail(answer.slice(0, 40));
    clicks += 1;
  }
  await rolled;
  const after = await pids();
  t.equal(after.length, 2);
  t.strictSame(
    after.filter((pid) => before.includes(pid)),
    [],
  );
});

t.test('a tracker that cannot be reached is told as unhealthy', async (t) => {
  const gone = await tracker(t);
  const settings = localSettings(t, { ...gone, url: `https://127.0.0.2:${gone.port}` });
  const supervisor = await startSupervisor({ settings, logLevel: 'silent' });
  t.teardown(() => supervisor.stop(0));
  const { https, admin } = supervisor.addresses;
  await until('the certificate is live', () => supervisor.isLive());
  const ca = localRoot(settings.certificates.storage.path);
  const status = async (): Promise<string> =>
    (await fetch(`http://127.0.0.1:${admin.port}/api/status`)).text();
  t.match(await status(), '"healthy":true', 'nobody has tried yet');
  const click = () => clickHttp1({ port: https.port, domain: 'links.example.com', ca, path: '/e/c/x/y' });
  for (let count = 0; count < 3; count += 1) t.match(await until('answered', click), /^HTTP\/1\.1 502 /);
  await until('it is told', async () => (await status()).includes('"healthy":false'));
});

t.test('what fails at the start leaves nothing running', async (t) => {
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

t.test('a click that comes while the last ones are finished is refused at once, not queued', async (t) => {
  let release: (() => void) | undefined;
  const home = await tracker(t, {
    answer: (_request, response) => {
      release = () => response.end('late');
    },
  });
  const supervisor = await startSupervisor({ settings: localSettings(t, home), logLevel: 'silent' });
  const { port } = supervisor.addresses.http;
  const slow = connect(port, '127.0.0.1');
  const answer = gather(slow);
  slow.write('GET / HTTP/1.1\r\nHost: links.example.com\r\n\r\n');
  await until('it is under way', () => release !== undefined);
  const stopped = supervisor.stop(20_000);
  await until('the port is closed', async () => {
    const socket = connect(port, '127.0.0.1');
    const [event] = await Promise.race([
      once(socket, 'connect').then(() => ['open']),
      once(socket, 'error').then(() => ['refused']),
    ]).catch(() => ['refused']);
    socket.destroy();
    return event === 'refused';
  });
  release?.();
  t.match(await answer, /late/, 'the one under way is finished');
  await stopped;
});

t.test(
  'an admin port that other machines reach asks for its token, and for the new one after a reload',
  async (t) => {
    const folder = tempDir(t);
    const tokenFile = join(folder, 'token');
    const write = (token: string): void => writeFileSync(tokenFile, token, { mode: 0o600 });
    write('first-token-of-this-test');
    const settings = localSettings(t);
    const everywhere = { ...settings, listen: { ...settings.listen, admin: { host: '0.0.0.0', port: 0 } } };
    await t.rejects(startSupervisor({ settings: everywhere, logLevel: 'silent' }), {
      code: 'ERR_CONFIG_INVALID',
      message: /^admin socket is open on "0\.0\.0\.0:\d+"/,
    });
    const guarded: Settings = { ...everywhere, admin: { tokenFile } };
    const supervisor = await startSupervisor({ settings: guarded, logLevel: 'silent' });
    t.teardown(() => supervisor.stop(0));
    const url = `http://127.0.0.1:${supervisor.addresses.admin.port}/api/status`;
    const show = async (token: string): Promise<number> =>
      (await fetch(url, { headers: { Authorization: `Bearer ${token}` } })).status;
    t.strictSame(
      [await show('first-token-of-this-test'), await show('second-token-of-this-test')],
      [200, 401],
    );
    write('second-token-of-this-test');
    t.equal(await show('second-token-of-this-test'), 200, 'who asks for the reload has the new one already');
    t.match(await supervisor.reload(async () => guarded), { change: {} });
    t.strictSame(
      [await show('first-token-of-this-test'), await show('second-token-of-this-test')],
      [401, 200],
    );
    t.match(await supervisor.reload(async () => everywhere), { error: { code: 'ERR_CONFIG_INVALID' } });
    t.equal(await show('second-token-of-this-test'), 200, 'refused: all stays as it was');
    t.equal((await fetch(url)).status, 401);
  },
);
