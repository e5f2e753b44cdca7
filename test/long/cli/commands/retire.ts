// The way back, while a proxy runs: nothing changes before --now, and not while links are in use.

import { get } from 'node:http';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { explain, formatDays } from '../../../../src/cli/commands/retire.ts';
import { freePort } from '../../../helpers/free-port.ts';
import { linkgate, writeConfig } from '../../../helpers/linkgate.ts';
import { linkgateCommand } from '../../../helpers/linkgate-command.ts';
import { tempDir } from '../../../helpers/temp-dir.ts';
import { until } from '../../../helpers/until.ts';

const config = (folder: string, admin: string, names: readonly string[], keepServing = false) => ({
  listen: { https: '127.0.0.1:0', http: '127.0.0.1:0', admin },
  certificates: {
    storage: { type: 'file', path: join(folder, 'certs') },
    issuers: [{ type: 'local' }],
    keepServing,
  },
  upstream: { url: 'https://127.0.0.1:9', serverName: 'tracker.example.com' },
  domains: names.map((name) => ({ name })),
  workers: 1,
});

const statusOf = (port: number, name: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const request = { host: '127.0.0.1', port, path: '/e/c/x/y', headers: { Host: name }, agent: false };
    get(request, (response) => response.resume().on('end', () => resolve(response.statusCode ?? 0))).on(
      'error',
      reject,
    );
  });

t.test('days in a table', async (t) => {
  t.equal(
    formatDays([
      { date: '2026-11-23', kinds: { click: 3, unsubscribe: 1 } },
      { date: '2026-11-22', kinds: { click: 120, open: 88 } },
    ]),
    [
      'DAY (UTC)   CLICK  OPEN  UNSUBSCRIBE  VIEW  PREFERENCES  OTHER  ALL',
      '2026-11-23  3      0     1            0     0            0      4',
      '2026-11-22  120    88    0            0     0            0      208',
    ].join('\n'),
  );
});

t.test('the explanation is as wide as the terminal, and not wider than is read with ease', async (t) => {
  for (const [width, most] of [
    [80, 80],
    [120, 100],
    [Infinity, 100],
  ] as const)
    for (const line of explain('links.newsletter.example.com', width).split('\n'))
      t.ok(line.length <= most, line);
  t.match(
    explain('links.example.com', 80),
    /\n {2}1\. In Customer\.io, where links\.example\.com is set[^\n]*\n {5}\S/,
  );
});

for (const keepServing of [false, true]) {
  t.test(`explained, watched, refused while in use, then done; keepServing: ${keepServing}`, async (t) => {
    const folder = tempDir(t);
    const names = ['links.example.com', 'clicks.example.net'];
    const path = writeConfig(folder, config(folder, `127.0.0.1:${await freePort()}`, names, keepServing));
    const retire = async (...words: readonly string[]) =>
      linkgateCommand(['retire', 'links.example.com', '--config', path, ...words]);
    const proxy = linkgate(t, ['run', '--config', path]);
    const http = await proxy.port('http');
    await proxy.line(({ message }) => message === 'linkgate runs');

    t.match((await retire()).stdout, /no request came for it since the proxy started\n$/);
    t.equal(await statusOf(http, 'links.example.com'), 502, 'served: nobody is behind it here');
    const told = await until('the click is counted', async () => {
      const { stdout } = await retire();
      return / 1 +0 +0 +0 +0 +0 +1\n$/.test(stdout) && stdout;
    });
    t.match(told, /1\. In Customer\.io, where links\.example\.com is set/);
    t.match(told, /2\. Mail already sent holds links to links\.example\.com for years/);
    t.match(told, /DAY \(UTC\) +CLICK +OPEN/);
    t.match(JSON.parse((await retire('--json')).stdout), {
      domain: 'links.example.com',
      running: true,
      days: [{ kinds: { click: 1 } }],
    });
    const before = readFileSync(path, 'utf8');
    t.match(await retire('--now'), {
      status: 1,
      stdout: '',
      stderr:
        /^linkgate: domain "links\.example\.com" served 1 request today or yesterday \(UTC\): nothing was changed\n/,
    });
    t.equal(readFileSync(path, 'utf8'), before);
    t.equal(await statusOf(http, 'links.example.com'), 502, 'still served');

    const done = await retire('--now', '--yes');
    t.match(done, { status: 0, stderr: '', stdout: /: removed links\.example\.com\nreloaded: 1 domain\n$/ });
    t.equal(await statusOf(http, 'links.example.com'), 421, 'served no more');
    t.equal(await statusOf(http, 'clicks.example.net'), 502, 'the other one is');
    t.match(await retire(), { status: 1, stderr: /"links\.example\.com" is not configured/ });
    const last = await linkgateCommand(['retire', 'clicks.example.net', '--config', path, '--now']);
    t.match(last, {
      status: 64,
      stderr: /is the only one: stop the proxy instead \(\S+\/how-do-i\.md#stop-it\)\n/,
    });
  });
}

t.test('without a proxy it says so; --watch ends at Ctrl-C; mistakes', async (t) => {
  const folder = tempDir(t);
  const names = ['a.example.com', 'b.example.com'];
  const path = writeConfig(folder, config(folder, `127.0.0.1:${await freePort()}`, names));
  const watching = linkgate(t, ['retire', 'a.example.com', '--watch', '--config', path]);
  await until('its traffic is not known', () => watching.stdout().includes('its traffic is not known\n'));
  watching.process.kill('SIGINT');
  t.equal(await watching.ended, 0);
  const bad = async (...words: readonly string[]) => linkgateCommand(['retire', ...words, '--config', path]);
  t.match(await bad('x.example'), { status: 1, stdout: '', stderr: /^linkgate: domain "x\.example" is not/ });
  t.match(await bad('a.example.com', '--now', '--watch'), { status: 64 });
  t.match(await bad('A.example.com.', '--now'), {
    status: 0,
    stdout: /no proxy runs here: it will not serve/,
  });
  t.notMatch(readFileSync(path, 'utf8'), 'a.example.com');
});
