// The log as an operator has it: a file shared by supervisor and workers, moved away by a rotation under load, opened again by a
// signal; the id of an error page found in it; a disk without room that costs no click.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { clickHttp1 } from '../../helpers/click.ts';
import { freePort } from '../../helpers/free-port.ts';
import { linkgate, writeConfig, type LogLine } from '../../helpers/linkgate.ts';
import { localRoot } from '../../helpers/local-root.ts';
import { needs } from '../../helpers/needs.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

const OPERATIONS = fileURLToPath(new URL('../../../docs/operations.md', import.meta.url));
const DOMAIN = 'links.example.com';

const linesOf = (file: string): LogLine[] =>
  !existsSync(file)
    ? []
    : readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as LogLine);

t.test('a log file from its first line to a full disk', async (t) => {
  const home = await tracker(t, {
    answer: (request, response, { target }) => {
      if (target.startsWith('/e/c/dies')) request.socket.destroy();
      else response.writeHead(302, { Location: 'https://example.com/' }).end();
    },
  });
  const folder = tempDir(t);
  const file = join(folder, 'linkgate.log');
  const ports = { https: await freePort(), http: await freePort(), admin: await freePort() };
  const write = (log: object): string =>
    writeConfig(folder, {
      listen: {
        https: `127.0.0.1:${ports.https}`,
        http: `127.0.0.1:${ports.http}`,
        admin: `127.0.0.1:${ports.admin}`,
      },
      upstream: { url: home.url, serverName: home.serverName, caFile: home.caFile },
      certificates: { storage: { path: join(folder, 'certs') }, issuers: [{ type: 'local' }] },
      domains: [{ name: DOMAIN }],
      log,
      workers: 2,
    });
  const proxy = linkgate(t, ['run', '--config', write({ file: './linkgate.log', clicks: 'all' })]);
  await until('it runs', () => linesOf(file).some(({ message }) => message === 'linkgate runs'), 60_000);
  t.equal(statSync(file).mode & 0o777, 0o640);
  t.equal(proxy.stdout(), '', 'nothing on stdout');
  await until('the certificate is there', () =>
    linesOf(file).some(({ message }) => message === 'certificate issued'),
  );
  const ca = localRoot(join(folder, 'certs'));
  const click = (path: string): Promise<string> =>
    clickHttp1({ port: ports.https, domain: DOMAIN, ca, path });
  await until('it is served', () => click('/e/c/x').then((answer) => answer.includes(' 302 ')), 60_000);

  const reloads = async (): Promise<number> => {
    const status = await fetch(`http://127.0.0.1:${ports.admin}/api/status`);
    return ((await status.json()) as { reload: { number: number } | null }).reload?.number ?? 0;
  };

  await t.test('what the error page shows is found in the log', async (t) => {
    const page = await click('/e/c/dies?secret');
    t.match(page, / 502 /);
    const id = /\n([0-9a-f]{16,})\n/.exec(page)?.[1];
    const found = await until('its lines', () => {
      const lines = linesOf(file).filter((line) => line['id'] === id);
      return lines.length === 2 && lines;
    });
    t.match(
      found.toSorted((a, b) => String(a['event']).localeCompare(String(b['event']))),
      [
        { event: 'request.completed', status: 502, domain: DOMAIN, kind: 'click', role: 'worker' },
        { event: 'upstream.failed', code: /^ERR_UPSTREAM_/, cause: /./, help: /./ },
      ],
    );
    t.notMatch(JSON.stringify(found), /dies|secret/);
  });

  await t.test('rotated under clicks: each has one line, in the old file or in the new one', async (t) => {
    const before = linesOf(file).filter(({ message }) => message === 'click').length;
    let clicks = 0;
    for (let round = 0; round < 3; round += 1) {
      renameSync(file, `${file}.${round}`);
      const many = Array.from({ length: 20 }, (_, i) => click(`/e/c/${round}/${i}`));
      proxy.process.kill('SIGUSR1');
      for (const answer of await Promise.all(many)) t.match(answer, / 302 /);
      clicks += many.length;
      await until('the new file is used', () => existsSync(file));
      // a click after the signal was taken by every process; each of them answers some of these
      await until(
        'both workers write to it',
        async () => {
          await click('/e/c/more');
          clicks += 1;
          const pids = linesOf(file).flatMap(({ role, pid }) => (role === 'worker' ? [pid] : []));
          return new Set(pids).size === 2;
        },
        60_000,
      );
      t.equal(statSync(file).mode & 0o777, 0o640);
    }
    await until('every line is written', () => {
      const all = [file, ...[0, 1, 2].map((round) => `${file}.${round}`)].flatMap(linesOf);
      return all.filter(({ message }) => message === 'click').length === before + clicks;
    });
    // `systemctl kill` tells every process of the service
    for (const pid of new Set(linesOf(file).map((line) => Number(line['pid'])))) process.kill(pid, 'SIGUSR1');
    t.match(await click('/e/c/x'), / 302 /);
    t.equal(proxy.stderr(), '', 'SIGUSR1 opened no debugger');
  });

  await t.test('logrotate with the lines of the documentation', { skip: needs('logrotate') }, async (t) => {
    const snippet =
      /\n(\/var\/log\/linkgate\/\*\.log \{[^]*?\n\})\n/.exec(readFileSync(OPERATIONS, 'utf8'))?.[1] ?? '';
    const rules = snippet
      .replace('/var/log/linkgate/*.log', file)
      .replace('systemctl kill --signal=USR1 linkgate.service', `kill -USR1 ${proxy.process.pid}`);
    const [config, state] = [join(folder, 'logrotate.conf'), join(folder, 'logrotate.state')];
    writeFileSync(config, `${rules}\n`, { mode: 0o600 });
    for (const round of [1, 2]) {
      await click('/e/c/x');
      await until('there is something to rotate', () => readFileSync(file, 'utf8') !== '');
      const { status, stderr } = spawnSync('logrotate', ['--force', '--state', state, config], {
        encoding: 'utf8',
      });
      t.strictSame({ status, stderr }, { status: 0, stderr: '' }, `round ${round}`);
      await until('the file is there again', () => existsSync(file));
    }
    t.ok(
      existsSync(`${file}.1`) && existsSync(`${file}.2.gz`),
      'one to write to still, the one before compressed',
    );
    t.equal(statSync(file).mode & 0o777, 0o640);
  });

  await t.test('the format changes by a reload', async (t) => {
    write({ file: './linkgate.log', format: 'pretty' });
    renameSync(file, `${file}.json`);
    proxy.process.kill('SIGHUP');
    await until(
      'a line for eyes',
      () => existsSync(file) && readFileSync(file, 'utf8').includes('settings.reloaded'),
    );
    t.match(
      readFileSync(file, 'utf8'),
      /Z info {2}supervisor\[\d+\] settings reloaded settings\.reloaded domains=1/,
    );
  });

  await t.test('a disk without room and a file that cannot be written cost no click', async (t) => {
    for (const wanted of ['/dev/full', join(folder, 'absent', 'log')]) {
      write({ file: wanted, clicks: 'all' });
      const before = await reloads();
      proxy.process.kill('SIGHUP');
      await until('it is taken up', async () => (await reloads()) === before + 1);
      for (let i = 0; i < 40; i += 1) t.match(await click('/e/c/x'), / 302 /);
    }
    await proxy.line(({ event }) => event === 'log.failed');
    t.match(
      await proxy.line(({ message }) => message === 'click'),
      { role: 'worker' },
      'lines go to stdout meanwhile',
    );
    t.match(await proxy.line(({ event }) => event === 'log.dropped'), { lines: /^[1-9]/ });
  });
  proxy.process.kill('SIGTERM');
  t.equal(await proxy.ended, 0);
});
