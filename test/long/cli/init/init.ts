// `linkgate init` from flags alone: what it writes, what it prints, what it refuses.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { failingNameServer } from '../../../helpers/examine.ts';
import { documentPath } from '../../../../src/core/platform/document-path.ts';
import { authority } from '../../../helpers/dns-world.ts';
import { linkgateCommand } from '../../../helpers/linkgate-command.ts';
import { needs } from '../../../helpers/needs.ts';
import { tempDir } from '../../../helpers/temp-dir.ts';

t.test('flags for everything: a file that `check` takes, the records, the next command', async (t) => {
  const folder = tempDir(t);
  const file = join(folder, 'new', 'linkgate.yaml');
  const resolver = await failingNameServer(t);
  const words = ['--region', 'eu', '--domain', 'Links.Example.com', '--domain', 'clicks.example.net'];
  const more = [
    '--email',
    'ops@example.com',
    '--storage',
    join(folder, 'certs'),
    '--ca',
    'letsencrypt-staging',
  ];
  const to = ['--to', '203.0.113.7', '--resolver', resolver];
  const { status, stdout, stderr } = await linkgateCommand([
    'init',
    '--config',
    file,
    ...words,
    ...more,
    ...to,
  ]);
  t.match({ status, stderr }, { status: 0, stderr: '' });
  const unknown = 'The DNS did not answer for links.example.com, clicks.example.net. ';
  t.ok(
    stdout.startsWith(`wrote ${file}\n\n${unknown}`),
    'a domain that was not looked up is not called free',
  );
  t.match(stdout, `${documentPath('migrate.md')}\n\nCreate these DNS records:\n\nlinks.example.com\n`);
  t.match(stdout, / A +clicks\.example\.net +203\.0\.113\.7 /);
  const next = stdout.slice(stdout.indexOf('\nNext: '));
  t.match(
    next,
    new RegExp(
      [
        'linkgate systemd install --config ',
        `linkgate run --config ${file} `,
        `linkgate dns --wait --config ${file} --to 203.0.113.7`,
        `linkgate doctor --config ${file}`,
        'verify the domain in Customer.io',
      ].join('[^]*'),
    ),
    'the order of the steps: run, dns, doctor, verify',
  );
  const text = readFileSync(file, 'utf8');
  t.match(text, /email: ops@example\.com/);
  const checked = await linkgateCommand(['check', '--json', '--config', file]);
  t.match(JSON.parse(checked.stdout), {
    certificates: {
      storage: { path: join(folder, 'certs') },
      issuers: [{ directory: 'letsencrypt-staging' }],
    },
    domains: [
      { name: 'links.example.com', region: 'eu' },
      { name: 'clicks.example.net', region: 'eu' },
    ],
  });

  const again = await linkgateCommand(['init', '--config', file, ...words]);
  t.match(again, {
    status: 64,
    stdout: '',
    stderr: /^linkgate: configuration ".*" exists already, and is not/,
  });
  t.equal(readFileSync(file, 'utf8'), text, 'untouched');
});

t.test(
  'a domain in use: the caution stands before the records, with a document that exists',
  { skip: needs('named') },
  async (t) => {
    const zone = await authority(t, {
      'example.com': [
        'links IN A 127.0.0.9',
        'fine IN A 203.0.113.7',
        'alias IN CNAME e.customeriomail.com.',
      ],
      com: [],
    });
    const shown = async (...domains: readonly string[]): Promise<string> => {
      const names = domains.flatMap((domain) => ['--domain', domain]);
      const words = [
        'init',
        '--yes',
        '--config',
        join(tempDir(t), 'linkgate.yaml'),
        '--region',
        'us',
        ...names,
      ];
      const { stdout } = await linkgateCommand([
        ...words,
        ...['--to', '203.0.113.7', '--resolver', `127.0.0.1:${zone.port}`],
      ]);
      return stdout;
    };
    const used = await shown('links.example.com', 'fine.example.com');
    t.match(
      used,
      /\nlinks\.example\.com is in use: its DNS record leads somewhere else today\. Links in mail/,
    );
    const guide = /\nRead this before you change the record: (\S+)\n/.exec(used)?.[1] ?? '';
    t.ok(existsSync(guide), guide);
    t.ok(used.indexOf('is in use') < used.indexOf('Create these DNS records:'), 'it stands first');
    t.match(used, /\ndiffers: replace what exists now with what is wanted\n/);
    t.match(await shown('alias.example.com'), /is in use: /, 'an alias whose end is unknown here');
    t.notMatch(await shown('fine.example.com'), /in use|migrate\.md/);
    t.notMatch(await shown('new.example.com'), /in use|migrate\.md/, 'a name without a record is in no mail');
  },
);

t.test('HSTS above the name is a warning, and the file is written', async (t) => {
  const file = join(tempDir(t), 'linkgate.yaml');
  const words = ['--region', 'us', '--domain', 'links.acme.dev', '--to', '203.0.113.7'];
  const { status, stderr } = await linkgateCommand([
    ...['init', '--yes', '--config', file, ...words],
    ...['--resolver', await failingNameServer(t)],
  ]);
  t.equal(status, 0);
  t.match(stderr, /^linkgate: "dev" is in the HSTS preload list of browsers, with its subdomains: [^\n]+\n$/);
});

t.test('what is wrong or missing: one line, 64, and no file', async (t) => {
  const folder = tempDir(t);
  const file = join(folder, 'linkgate.yaml');
  const bad = async (...words: readonly string[]) => linkgateCommand(['init', '--config', file, ...words]);
  const good = ['--region', 'us', '--domain', 'links.example.com'];
  for (const [words, said] of [
    [[], /^linkgate: --region and --domain must be given, because there is no terminal/],
    [['--region', 'us'], /^linkgate: --domain must be given/],
    [['--region', 'uk'], /^linkgate: region "uk"/],
    [[...good, '--domain', 'https://x.example'], /is not a domain name/],
    [[...good, '--domain', 'links.example.com'], /given twice/],
    [[...good, '--email', 'x'], /e-mail "x"/],
    [[...good, '--ca', 'zerossl'], /CA "zerossl"/],
    [[...good, '--storage', ''], /storage is empty/],
  ] as const)
    t.match(await bad(...words), { status: 64, stdout: '', stderr: said });
  mkdirSync(join(folder, 'linkgate.yaml', 'x'), { recursive: true });
  t.match(await bad(...good), { status: 64, stderr: /exists already/ });
  writeFileSync(join(folder, 'plain'), '');
  const below = await linkgateCommand(['init', '--config', join(folder, 'plain', 'l.yaml'), ...good]);
  t.match(below, {
    status: 64,
    stdout: '',
    stderr: /^linkgate: configuration ".*" cannot be written: E\w+\n/,
  });
});
