import t from 'tap';
import { startSupervisor } from '../../../src/app/supervisor/supervisor.ts';
import { LinkgateError } from '../../../src/core/errors.ts';
import type { Settings } from '../../../src/core/settings.ts';
import { clickHttp1 } from '../../helpers/click.ts';
import { localRoot } from '../../helpers/local-root.ts';
import { localSettings } from '../../helpers/settings.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

t.test('a reload adds, changes and removes names; one with a mistake changes nothing', async (t) => {
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
    upstreams: [us, { id: 'eu', origin: other.url, serverName: other.serverName, caPem: other.caPem }],
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
  await t.rejects(click('links.example.com'), { code: /UNRECOGNIZED_NAME$/ });
});

t.test('workers are replaced one by one during clicks, and no click fails', async (t) => {
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
