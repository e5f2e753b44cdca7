import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { startSupervisor } from '../../../src/app/supervisor/supervisor.ts';
import { clickHttp1 } from '../../helpers/click.ts';
import { gather } from '../../helpers/serve.ts';
import { localRoot } from '../../helpers/local-root.ts';
import { localSettings } from '../../helpers/settings.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

t.test('a tracker that cannot be reached is shown as unhealthy', async (t) => {
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
  await until('it is shown', async () => (await status()).includes('"healthy":false'));
});

t.test('a click that comes while the last clicks finish is refused at once, and does not wait', async (t) => {
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
