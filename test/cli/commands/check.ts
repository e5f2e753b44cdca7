import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { configFiles } from '../../helpers/config-files.ts';
import { linkgateCommand } from '../../helpers/linkgate-command.ts';

const MISTAKES = `listen:
  admin: 0.0.0.0:9464
upstream:
  regoin: eu
  caFile: missing.pem
domains:
  - name: links.example.com
    region: uk
  - name: Links.Example.com
`;

t.test('five different mistakes in one file are listed, all five', async (t) => {
  const { folder, write } = configFiles(t);
  write('linkgate.yaml', MISTAKES);
  const { status, stdout, stderr } = await linkgateCommand(['check', '--config', 'linkgate.yaml'], {
    cwd: folder,
  });
  t.equal(status, 78);
  t.equal(stdout, '');
  t.strictSame(stderr.split('\n'), [
    'linkgate: configuration has 5 problems:',
    '  linkgate.yaml:2:10 listen.admin: is open to other machines: give admin.tokenFile, or admin.tls with a clientCaFile',
    '  linkgate.yaml:4:3 upstream.regoin: unknown key; did you mean region?',
    `  linkgate.yaml:5:11 upstream.caFile: "${join(realpathSync(folder), 'missing.pem')}" does not exist`,
    '  linkgate.yaml:8:13 domains[0].region: must be us or eu, not "uk"',
    '  linkgate.yaml:9:11 domains[1].name: "links.example.com" is given twice: first at linkgate.yaml:7',
    'ERR_CONFIG_INVALID: fix the lines that are named, then run `linkgate check`',
    '',
  ]);
});

t.test('the same for a program', async (t) => {
  const { folder, write } = configFiles(t);
  write('linkgate.yaml', MISTAKES);
  const { status, stdout, stderr } = await linkgateCommand(['check', '--json', '--config', 'linkgate.yaml'], {
    cwd: folder,
  });
  t.equal(status, 78);
  t.equal(stderr, '');
  const { problems } = JSON.parse(stdout) as { problems: unknown[] };
  t.equal(problems.length, 5);
  t.strictSame(problems[3], {
    file: 'linkgate.yaml',
    line: 8,
    column: 13,
    path: 'domains[0].region',
    message: 'must be us or eu, not "uk"',
  });
});

t.test('a good configuration is printed with everything that was defaulted', async (t) => {
  const { folder, write } = configFiles(t);
  write('config/linkgate.yaml', 'domains: [{ name: links.example.com }]\nworkers: 2\n');
  const yaml = await linkgateCommand(['check'], { cwd: folder });
  t.strictSame(yaml, {
    status: 0,
    stderr: '',
    stdout: `listen:
  https: 0.0.0.0:443
  http: 0.0.0.0:80
  admin: 127.0.0.1:9464
upstream:
  connectTimeout: 3s
  responseTimeout: 15s
  maxConnections: 128
  regions:
    us:
      url: https://e.customeriomail.com
      serverName: e.customeriomail.com
certificates:
  storage:
    type: file
    path: /var/lib/linkgate/certs
  keyType: ecdsa-p256
  issuers:
    - type: acme
      directory: letsencrypt
      challenges:
        - http-01
        - tls-alpn-01
domains:
  - name: links.example.com
    region: us
    redirectHttp: false
trustedProxies: []
tls:
  profile: intermediate
limits: {}
log:
  clicks: none
  sampleEvery: 100
drainTimeout: 20s
workers: 2
`,
  });
  const json = await linkgateCommand(['check', '--json'], { cwd: folder });
  t.equal(json.status, 0);
  t.match(JSON.parse(json.stdout), { workers: 2, domains: [{ name: 'links.example.com' }] });
});

t.test('LINKGATE_CONFIG names the file', async (t) => {
  const { folder, write } = configFiles(t);
  write('other.yaml', 'domains: [{ name: other.example.com }]\n');
  const { status, stdout } = await linkgateCommand(['check'], {
    cwd: folder,
    env: { LINKGATE_CONFIG: 'other.yaml' },
  });
  t.equal(status, 0);
  t.match(stdout, 'name: other.example.com');
});

t.test('a file that is not there is one line and 78', async (t) => {
  const { folder } = configFiles(t);
  const { status, stderr } = await linkgateCommand(['check', '--config', 'none.yaml'], { cwd: folder });
  t.equal(status, 78);
  t.equal(
    stderr,
    'linkgate: configuration "none.yaml" does not exist\nERR_CONFIG_UNREADABLE: give a readable file with --config or $LINKGATE_CONFIG\n',
  );
});

t.test('what is allowed and still hurts is said on stderr', async (t) => {
  const { folder, write } = configFiles(t);
  write('linkgate.yaml', 'domains: [{ name: links.example.com, hsts: 1h }, { name: clicks.example.net }]\n');
  const { status, stderr } = await linkgateCommand(['check', '--config', 'linkgate.yaml'], { cwd: folder });
  t.equal(status, 0);
  t.match(stderr, /^linkgate: links\.example\.com sends HSTS: [^\n]+\n$/);
});
