import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { DoctorReport } from '../../../../src/app/commands/doctor.ts';
import { formatReport } from '../../../../src/cli/commands/doctor.ts';
import { wrap } from '../../../../src/cli/terminal/table.ts';
import { coloursFor } from '../../../../src/cli/terminal/paint.ts';
import { finding, good, type Finding } from '../../../../src/doctor/examination/findings.ts';
import { failingNameServer } from '../../../helpers/examine.ts';
import { linkgateCommand } from '../../../helpers/linkgate-command.ts';
import { writeConfig } from '../../../helpers/linkgate.ts';
import { needs } from '../../../helpers/needs.ts';
import { tempDir } from '../../../helpers/temp-dir.ts';
import { tracker } from '../../../helpers/tracker.ts';

const hsts = finding('hsts', 'hsts-parent', {
  what: 'acme.com sends HSTS for its subdomains',
  evidence: ['https://acme.com/ answers Strict-Transport-Security: max-age=60; includeSubDomains'],
});
const report: DoctorReport = {
  source: 'proxy',
  machine: [good('runtime', 'Node 26.13.1')],
  domains: [{ domain: 'links.acme.com', findings: [good('dns', '203.0.113.7'), hsts] }],
};
const plain = { colours: coloursFor({}), width: 80, verbose: false };

t.test('a group per domain, the remedy below what is wrong', async (t) => {
  t.equal(
    formatReport(report, plain),
    [
      'links.acme.com  red',
      '  ok    dns          203.0.113.7',
      '  FAIL  hsts         acme.com sends HSTS for its subdomains',
      '                     → remove includeSubDomains at the parent, or use a name',
      '                       under another domain',
      '',
      'this machine  green',
      '  ok    runtime      Node 26.13.1',
      '',
      'domains: 0 green, 0 amber, 1 red (with the state of the running proxy)',
      '-v says why each finding matters, and shows the evidence',
    ].join('\n'),
  );
});

t.test('with -v: why, evidence, where to read on', async (t) => {
  const text = formatReport(report, { ...plain, verbose: true });
  t.match(text, /why: includeSubDomains makes browsers/);
  t.match(text, /max-age=60/);
  t.match(text, 'docs/troubleshooting.md#hsts-parent');
});

t.test('many domains: what is green takes a line each', async (t) => {
  const domains = ['a', 'b', 'c', 'd'].map((domain) => ({ domain, findings: [good('dns', 'fine'), hsts] }));
  const text = formatReport({ ...report, domains }, plain);
  t.notMatch(text, 'fine');
  t.match(text, /^b {2}red\n {2}FAIL/m);
});

t.test('no line is wider than the terminal', async (t) => {
  for (const width of [60, 80, 120])
    for (const line of formatReport(report, { ...plain, width, verbose: true })
      .split('\n')
      .slice(0, -1))
      t.ok(line.length <= Math.max(width, 21 + 71), line);
  t.strictSame(wrap('a bb ccc', 4), ['a bb', 'ccc']);
  t.strictSame(wrap('longer than that', 4), ['longer', 'than', 'that']);
});

t.test('the command: no network, an unknown domain, wrong words', async (t) => {
  const folder = tempDir(t);
  const path = writeConfig(folder, {
    listen: { https: '127.0.0.1:0', http: '127.0.0.1:0', admin: '127.0.0.1:9' },
    upstream: { url: 'https://127.0.0.1:9', serverName: 'tracker.example.com' },
    certificates: { storage: { type: 'file', path: join(folder, 'certs') }, issuers: [{ type: 'local' }] },
    domains: [{ name: 'links.example.com' }],
  });
  const args = ['doctor', '--config', path, '--resolver', await failingNameServer(t)];
  const { status, stdout, stderr } = await linkgateCommand(args);
  t.match({ status, stderr }, { status: 1, stderr: '' });
  t.match(stdout, /FAIL {2}dns +links\.example\.com could not be looked up/);
  t.match(stdout, /FAIL {2}upstream +https:\/\/127\.0\.0\.1:9 is not reached/);
  t.match(stdout, /domains: 0 green, 0 amber, 1 red \(neither the proxy nor its storage is here/);
  t.notMatch(stdout, '\u001B');
  const json = JSON.parse((await linkgateCommand([...args, '--json'])).stdout) as object;
  t.match(json, {
    level: 'red',
    source: 'none',
    domains: [
      {
        domain: 'links.example.com',
        level: 'red',
        findings: [{ check: 'dns', id: 'dns-failed', level: 'red' }],
      },
    ],
  });
  t.match(await linkgateCommand([...args, 'x.example']), {
    status: 1,
    stdout: '',
    stderr: /^linkgate: domain "x\.example"/,
  });
  t.match(await linkgateCommand(['doctor', '--config', path, '--resolver', 'dns']), {
    status: 64,
    stderr: /--resolver must be ADDRESS\[:PORT\], not "dns"/,
  });
  t.match(await linkgateCommand([...args, '--ca', 'none.pem']), {
    status: 64,
    stderr: /^linkgate: file "none\.pem"/,
  });
  t.match(await linkgateCommand(['doctor', '--config', join(folder, 'none.yaml')]), { status: 78 });
});

/** What the machine's findings are when the command runs in this environment. */
const onMachine = async (t: Test, env: Readonly<Record<string, string>>): Promise<readonly Finding[]> => {
  const folder = tempDir(t);
  const { url, serverName, caFile } = await tracker(t);
  const path = writeConfig(folder, {
    listen: { https: '127.0.0.1:0', http: '127.0.0.1:0', admin: '127.0.0.1:9' },
    upstream: { url, serverName, caFile },
    certificates: { storage: { type: 'file', path: join(folder, 'certs') }, issuers: [{ type: 'local' }] },
    domains: [{ name: 'links.example.com' }],
  });
  const args = ['doctor', '--json', '--config', path, '--resolver', await failingNameServer(t)];
  const { stdout, stderr } = await linkgateCommand(args, { env });
  t.equal(stderr, '');
  return (JSON.parse(stdout) as DoctorReport).machine;
};

t.test('a clock ten minutes ahead, against the tracker’s', { skip: needs('faketime') }, async (t) => {
  const library = execFileSync('sh', ['-c', 'ls /usr/lib/*/faketime/libfaketime.so.1'], { encoding: 'utf8' });
  const faked = await onMachine(t, { LD_PRELOAD: library.trim(), FAKETIME: '+600s' });
  const found = faked.find(({ id }) => id === 'clock-skewed');
  t.match(found, { level: 'red', what: /^this machine’s clock is (59\d|60\d) s ahead$/, remedy: /\w/ });
  const right = await onMachine(t, {});
  t.match(
    right.find(({ what }) => what.includes('clock')),
    { level: 'green', what: 'clock right to a minute' },
  );
});

t.test('a Node that says it is older than the floor', async (t) => {
  const older = "Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.9.0'}})";
  const found = await onMachine(t, {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(older)}`,
  });
  t.match(
    found.find(({ id }) => id === 'node-outdated'),
    {
      level: 'amber',
      what: 'Node 20.9.0 is below the security floor',
      remedy: /install Node \d+\.\d+\.\d+ or /,
    },
  );
});
