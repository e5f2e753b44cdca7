import { writeFileSync } from 'node:fs';
// The command while a proxy runs, and the text it prints.

import { get } from 'node:http';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import t from 'tap';
import { coloursFor } from '../../../../src/cli/terminal/paint.ts';
import { formatStatus } from '../../../../src/cli/commands/status.ts';
import { freePort } from '../../../helpers/free-port.ts';
import { linkgate, writeConfig } from '../../../helpers/linkgate.ts';
import { linkgateCommand } from '../../../helpers/linkgate-command.ts';
import { tempDir } from '../../../helpers/temp-dir.ts';
import { until } from '../../../helpers/until.ts';

const NOW_MS = Date.parse('2026-11-23T12:00:00.000Z');

const certificate = {
  domain: 'links.example.com',
  state: 'live',
  source: 'acme',
  issuer: 'letsencrypt',
  serial: '0a',
  notBefore: '2026-10-25T12:00:00.000Z',
  notAfter: '2027-01-23T12:00:00.000Z',
  nextAttempt: '2026-12-24T02:51:00.000Z',
  lastProblem: null,
} as const;

const status = {
  pid: 4,
  reload: null,
  issuers: [],
  version: '1.2.3',
  node: 'v24.0.0',
  startedAt: '2026-11-20T11:00:00.000Z',
  ready: true,
  workers: [
    { pid: 1, state: 'ready' },
    { pid: 2, state: 'starting' },
  ],
  upstreams: [{ region: 'us', url: 'https://e.customeriomail.com', healthy: true }],
  domains: [
    {
      name: 'links.example.com',
      region: 'us',
      state: 'live',
      certificate,
      http: 'forward',
      https: true,
      hstsMaxAge: null,
      days: [
        { date: '2026-11-23', kinds: { click: 120, open: 3 } },
        { date: '2026-11-22', kinds: { click: 999 } },
      ],
    },
    {
      name: 'clicks.example.net',
      region: 'us',
      state: 'failing',
      certificate: {
        ...certificate,
        domain: 'clicks.example.net',
        state: 'failing',
        source: null,
        issuer: null,
        notAfter: null,
        nextAttempt: '2026-11-23T12:05:00.000Z',
        lastProblem: {
          at: '2026-11-23T11:55:00.000Z',
          issuer: 'letsencrypt',
          type: 'urn:ietf:params:acme:error:dns',
          detail: 'NXDOMAIN looking up A',
          remedy: 'point the name at this proxy',
        },
      },
      http: 'forward',
      https: false,
      hstsMaxAge: null,
      days: [],
    },
  ],
  traffic: new Map([['links.example.com', { kinds: { click: 120, open: 3 }, errors: 2 }]]),
} as const;

t.test('a line for the proxy, a row per domain, the last problem with its remedy', async (t) => {
  const text = formatStatus(status, { colours: coloursFor({}), nowMs: NOW_MS });
  t.equal(
    text,
    [
      'linkgate 1.2.3, ready, up 3 days, 1 of 2 workers, upstream us ok',
      '',
      'DOMAIN              HTTP     HTTPS    ISSUER       DAYS  NEXT        TODAY  ERRORS',
      'links.example.com   forward  yes      letsencrypt  61    2026-12-24  123    2',
      'clicks.example.net  forward  failing  -            -     12:05Z      0      0',
      '',
      'clicks.example.net: NXDOMAIN looking up A',
      '  11:55Z urn:ietf:params:acme:error:dns',
      '  point the name at this proxy',
    ].join('\n'),
  );
  const coloured = formatStatus(status, { colours: coloursFor({ isTTY: true }, {}), nowMs: NOW_MS });
  t.match(coloured, '\u001B[31mfailing\u001B[39m');
  t.match(coloured, '\u001B[32myes\u001B[39m');
});

const TOKEN = { mode: 0o600 } as const;

const config = (folder: string, admin: string) => ({
  listen: { https: '127.0.0.1:0', http: '127.0.0.1:0', admin },
  admin: { tokenFile: 'token' },
  certificates: { storage: { type: 'file', path: join(folder, 'certs') }, issuers: [{ type: 'local' }] },
  // nobody there: each click is an error, and counted
  upstream: { url: 'https://127.0.0.1:9', serverName: 'tracker.example.com' },
  domains: [{ name: 'links.example.com' }],
  workers: 1,
});

t.test('while a proxy runs: table, JSON, --watch until Ctrl-C', async (t) => {
  const folder = tempDir(t);
  writeFileSync(join(folder, 'token'), 'the-token-of-this-test\n', TOKEN);
  const path = writeConfig(folder, config(folder, `127.0.0.1:${await freePort()}`));
  const proxy = linkgate(t, ['run', '--config', path]);
  const http = await proxy.port('http');
  await new Promise<void>((resolve) => {
    const request = {
      host: '127.0.0.1',
      port: http,
      path: '/e/c/x/y',
      headers: { Host: 'links.example.com' },
    };
    get(request, (response) => response.resume().on('end', resolve));
  });
  const counted = await until('certificate and click', async () => {
    const { stdout, stderr, status } = await linkgateCommand(['status', '--config', path]);
    t.match({ status, stderr }, { status: 0, stderr: '' });
    return /yes .* 1 +1\n/.test(stdout) ? stdout : undefined;
  });
  t.match(
    counted,
    /^linkgate \d\S+, ready, up 0 min, 1 of 1 workers, upstream https:\/\/127\.0\.0\.1:9 ok\n\nDOMAIN /,
  );
  t.notMatch(counted, '\u001B', 'no colour into a pipe');

  const json = JSON.parse((await linkgateCommand(['status', '--json', '--config', path])).stdout) as object;
  t.match(json, {
    ready: true,
    domains: [{ name: 'links.example.com', https: true, traffic: { kinds: { click: 1 }, errors: 1 } }],
  });

  const watching = linkgate(t, ['status', '--watch', '--config', path]);
  await until('two pictures', () => watching.stdout().split('DOMAIN').length >= 3);
  proxy.process.kill('SIGTERM');
  t.equal(await proxy.ended, 0);
  await until('it says that nothing answers', () => watching.stdout().includes('ECONNREFUSED'));
  watching.process.kill('SIGINT');
  t.equal(await watching.ended, 0);
  t.equal(watching.stderr(), '');
});

t.test('nothing answers: one line, and 69', async (t) => {
  const folder = tempDir(t);
  const port = await freePort();
  writeFileSync(join(folder, 'token'), 'the-token-of-this-test\n', TOKEN);
  const path = writeConfig(folder, config(folder, `127.0.0.1:${port}`));
  t.strictSame(await linkgateCommand(['status', '--config', path]), {
    status: 69,
    stdout: '',
    stderr:
      `linkgate: proxy at "127.0.0.1:${port}" does not answer: ECONNREFUSED\n` +
      'ERR_ADMIN_UNREACHABLE: start it with `linkgate run`, or give the configuration that it runs with\n',
  });
  t.match(await linkgateCommand(['status', '--json', '--watch', '--config', path]), { status: 64 });
  t.match(await linkgateCommand(['status', '--config', join(folder, 'none.yaml')]), { status: 78 });
});

t.test('80 columns are enough, however long the names', async (t) => {
  const [live, failing] = status.domains;
  const long = { ...live, name: 'clicks.newsletter.a-company-with-a-long-name.example.com' };
  const detail = 'the server could not connect to the client to verify the domain, '.repeat(3);
  const problem = { ...failing.certificate.lastProblem, detail };
  const wide = {
    ...status,
    upstreams: [
      ...status.upstreams,
      { region: null, url: 'https://tracker.internal.example.com:8443', healthy: false },
    ],
    domains: [long, { ...failing, certificate: { ...failing.certificate, lastProblem: problem } }],
  };
  for (const width of [80, 120]) {
    for (const tty of [{}, { isTTY: true }]) {
      const text = formatStatus(wide, { colours: coloursFor(tty, {}), nowMs: NOW_MS, width });
      for (const line of stripVTControlCharacters(text).split('\n'))
        t.ok(line.length <= width, `${width}: ${line}`);
      t.match(text, long.name);
    }
  }
});
