// The command as a user runs it, against real name servers.

import { join } from 'node:path';
import t, { type Test } from 'tap';
import { formatDns } from '../../../../src/cli/commands/dns.ts';
import { coloursFor } from '../../../../src/cli/terminal/paint.ts';
import { failingNameServer } from '../../../helpers/examine.ts';
import { authority, recordingResolver } from '../../../helpers/dns-world.ts';
import { linkgate, writeConfig } from '../../../helpers/linkgate.ts';
import { linkgateCommand } from '../../../helpers/linkgate-command.ts';
import { needs } from '../../../helpers/needs.ts';
import { tempDir } from '../../../helpers/temp-dir.ts';
import { until } from '../../../helpers/until.ts';

const configured = (t: Test): string =>
  writeConfig(tempDir(t), { domains: [{ name: 'links.example.com' }, { name: 'clicks.example.com' }] });

t.test('a table where it fits, else what is there in a line of its own', async (t) => {
  const record = {
    name: 'links.example.com',
    type: 'CNAME',
    values: ['proxy.example.net'],
    optional: false,
    now: ['e.customeriomail.com'],
    state: 'differs',
  } as const;
  const domains = [{ domain: 'links.example.com', records: [record] }];
  t.equal(
    formatDns(domains, { colours: coloursFor({}), width: 80 }),
    [
      'links.example.com',
      '  STATE    TYPE   NAME               WANTED             NOW',
      '  differs  CNAME  links.example.com  proxy.example.net  e.customeriomail.com',
    ].join('\n'),
  );
  t.equal(
    formatDns(domains, { colours: coloursFor({}), width: 60 }),
    [
      'links.example.com',
      '  differs  CNAME  links.example.com',
      '                  wanted  proxy.example.net',
      '                  now     e.customeriomail.com',
    ].join('\n'),
  );
  t.match(formatDns(domains, { colours: coloursFor({ isTTY: true }, {}), width: 80 }), '\u001B[31mdiffers');
});

t.test('table, zone lines that a name server takes, JSON', { skip: needs('named') }, async (t) => {
  const config = configured(t);
  const zone = await authority(t, {
    'example.com': ['links IN A 127.0.0.9', 'clicks IN A 203.0.113.7'],
    com: [],
  });
  const args = ['dns', '--config', config, '--resolver', `127.0.0.1:${zone.port}`, '--to', '203.0.113.7'];
  const { status, stdout, stderr } = await linkgateCommand(args);
  t.match({ status, stderr }, { status: 0, stderr: '' });
  t.match(stdout, /^this proxy: 203\.0\.113\.7\n\nlinks\.example\.com\n/);
  t.match(stdout, / differs +A +links\.example\.com +203\.0\.113\.7 +127\.0\.0\.9\n/);
  t.match(stdout, / ok +A +clicks\.example\.com +203\.0\.113\.7 +203\.0\.113\.7\n/);
  t.match(stdout, /\n1 of 2 ready; when you have set them: linkgate dns --wait\n$/);
  t.match(JSON.parse((await linkgateCommand([...args, '--json', 'links.example.com'])).stdout), {
    target: { addresses: ['203.0.113.7'] },
    domains: [
      {
        domain: 'links.example.com',
        ready: false,
        records: [
          { type: 'A', state: 'differs', wanted: ['203.0.113.7'], now: ['127.0.0.9'] },
          { type: 'CAA', state: 'optional', optional: true },
        ],
      },
    ],
  });
  const lines = (await linkgateCommand([...args, '--zone'])).stdout;
  await zone.replace('example.com', lines.split('\n'));
  t.match(
    (await linkgateCommand(args)).stdout,
    /\n2 of 2 ready; every record is there\n$/,
    'BIND took the lines as they are',
  );
});

t.test(
  '--wait into a file: ends at Ctrl-C, or when the time is over',
  { skip: needs('named') },
  async (t) => {
    const config = configured(t);
    const zone = await authority(t, { 'example.com': ['links IN A 127.0.0.9'], com: [] });
    const one = await recordingResolver(t, { com: zone, 'example.com': zone });
    const two = await recordingResolver(t, { com: zone, 'example.com': zone });
    const args = ['dns', 'links.example.com', '--config', config, '--wait', '--to', '203.0.113.7'];
    const asking = [...args, ...[one, two].flatMap(({ port }) => ['--resolver', `127.0.0.1:${port}`])];
    const waiting = linkgate(t, asking);
    for (const { port } of [one, two])
      await until('a resolver’s answer', () =>
        waiting.stdout().includes(`links.example.com at 127.0.0.1:${port} (resolver): has A 127.0.0.9\n`),
      );
    waiting.process.kill('SIGINT');
    t.equal(await waiting.ended, 1);
    t.match(waiting.stdout(), /\nstopped after \d+ s: 0 of 1 domain everywhere\n$/);
    t.notMatch(waiting.stdout(), '\u001B', 'no picture into a file');
    t.equal(waiting.stderr(), '');
    t.ok(two.questions().includes('links.example.com A'));
    const late = await linkgateCommand([...asking, '--timeout', '1s']);
    t.match(late, { status: 1, stderr: '', stdout: /\nnot everywhere after \d+ s: / });
  },
);

t.test('mistakes: one line and the right code', async (t) => {
  const config = configured(t);
  const bad = async (...words: readonly string[]) => linkgateCommand(['dns', '--config', config, ...words]);
  const to = ['--to', '203.0.113.7'];
  t.match(await bad(...to, 'x.example'), {
    status: 1,
    stdout: '',
    stderr: /^linkgate: domain "x\.example" is not/,
  });
  t.match(await bad('--to', 'not a name'), { status: 64, stderr: /--to "not a name"/ });
  t.match(await bad(...to, '--json', '--zone'), { status: 64, stderr: /exclude each other/ });
  t.match(await bad(...to, '--wait', '--timeout', '73h'), { status: 64, stderr: /"73h"/ });
  t.match(await bad(...to, '--resolver', 'dns'), {
    status: 64,
    stderr: /--resolver must be ADDRESS\[:PORT\], not "dns"/,
  });
  t.match(await linkgateCommand(['dns', '--config', join(tempDir(t), 'none.yaml')]), { status: 78 });
  const failing = await bad(...to, '--resolver', await failingNameServer(t));
  t.match(failing, {
    status: 0,
    stderr: '',
    stdout: / failed +A +links\.example\.com +203\.0\.113\.7 +\?\n/,
  });
});
