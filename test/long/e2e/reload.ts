// Reloads and new workers under clicks that come at a fixed rate, each on a connection of its own: none may fail. In the suite
// it is short; `RELOADS=10 ROLLS=5 CLICKS_PER_SECOND=300` is the run whose figures stand in docs/operations.md.

import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import t from 'tap';
import { clickHttp1 } from '../../helpers/click.ts';
import { clicking } from '../../helpers/clicking.ts';
import { linkgate, writeConfig, type Running } from '../../helpers/linkgate.ts';
import { localRoot } from '../../helpers/local-root.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { tracker, type Tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

const RELOADS = Number(process.env['RELOADS'] ?? 3);
const ROLLS = Number(process.env['ROLLS'] ?? 1);
const CLICKS_PER_SECOND = Number(process.env['CLICKS_PER_SECOND'] ?? 30);
const DOMAIN = 'links.example.com';

const configuration = (storage: string, home: Tracker, names: readonly string[]) => ({
  listen: { https: '127.0.0.1:0', http: '127.0.0.1:0', admin: '127.0.0.1:0' },
  upstream: { url: home.url, serverName: home.serverName, caFile: home.caFile },
  certificates: { storage: { type: 'file', path: storage }, issuers: [{ type: 'local' }] },
  domains: names.map((name) => ({ name })),
  workers: 2,
});

const count = (proxy: Running, message: string): number =>
  proxy.log.filter((line) => line.message === message).length;

t.test(
  `${RELOADS} reloads and ${ROLLS} replacements of all workers lose no click`,
  { timeout: 600_000 },
  async (t) => {
    const folder = tempDir(t);
    const home = await tracker(t);
    const storage = join(folder, 'certs');
    const write = (names: readonly string[]): string =>
      writeConfig(folder, configuration(storage, home, names));
    const proxy = linkgate(t, ['run', '--config', write([DOMAIN])]);
    await proxy.line((line) => line.message === 'certificate issued');
    const port = await proxy.port('https');
    const ca = localRoot(storage);
    const click = (domain = DOMAIN): Promise<string> => clickHttp1({ port, domain, ca, path: '/e/c/x/y' });
    await until('the first click', () => click());

    const kept = tlsConnect({ host: '127.0.0.1', port, servername: DOMAIN, ca, ALPNProtocols: ['http/1.1'] });
    t.teardown(() => kept.destroy());
    let answers = 0;
    kept.on('data', (chunk: Buffer) => {
      answers += chunk.toString('latin1').match(/HTTP\/1\.1 302 /g)?.length ?? 0;
    });
    kept.on('error', () => undefined);
    const askKept = async (): Promise<void> => {
      const before = answers;
      kept.write(`GET /e/c/x/y HTTP/1.1\r\nHost: ${DOMAIN}\r\n\r\n`);
      await until('the open connection is answered', () => answers > before);
    };
    await askKept();

    const traffic = await clicking(t, CLICKS_PER_SECOND, { port, domain: DOMAIN, ca, path: '/e/c/x/y' });
    const names = [DOMAIN];
    for (let round = 1; round <= RELOADS; round += 1) {
      const added = `new${round}.example.com`;
      names.push(added);
      write(names);
      proxy.process.kill('SIGHUP');
      await until('it is taken up', () => count(proxy, 'settings reloaded') === round);
      const certificate = (line: { domain?: unknown; message?: string }): boolean =>
        line.message === 'certificate issued' && line['domain'] === added;
      await proxy.line(certificate);
      t.match(await click(added), /^HTTP\/1\.1 302 /, `${added} serves`);
      await askKept();
    }
    t.notOk(kept.closed, 'a connection of before the first reload is still open');

    // a file that is wrong: the old settings stay
    writeConfig(folder, { ...configuration(storage, home, names), nonsense: true });
    proxy.process.kill('SIGHUP');
    const refused = await proxy.line((line) => String(line.message).startsWith('settings are not reloaded'));
    t.match(refused, { level: 'error', code: 'ERR_CONFIG_INVALID', detail: /nonsense: unknown key/ });
    t.match(await click(names.at(-1)), /^HTTP\/1\.1 302 /);

    for (let roll = 1; roll <= ROLLS; roll += 1) {
      const [started, exited] = [count(proxy, 'worker started'), count(proxy, 'worker exited')];
      proxy.process.kill('SIGUSR2');
      const all = (): boolean =>
        count(proxy, 'worker started') === started + 2 && count(proxy, 'worker exited') === exited + 2;
      await until('both workers are new', all, 60_000);
    }
    const { sent, failures } = await traffic.end();
    t.strictSame(failures, [], `${sent} clicks`);
    t.ok(sent >= CLICKS_PER_SECOND, 'there was traffic');
    t.comment(`${sent} clicks at ${CLICKS_PER_SECOND} a second, ${failures.length} failed`);
    proxy.process.kill('SIGTERM');
    t.equal(await proxy.ended, 0);
  },
);
