// `linkgate demo` as a new user meets it: read what it prints, run the command it prints, stop it.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import t from 'tap';
import { linkgate } from '../../../helpers/linkgate.ts';
import { needs } from '../../../helpers/needs.ts';
import { until } from '../../../helpers/until.ts';

const ANYWHERE = ['--https', '127.0.0.1:0', '--http', '127.0.0.1:0', '--admin', '127.0.0.1:0'];

t.test('shows a click and stays up', { skip: needs('curl') }, async (t) => {
  const demo = linkgate(t, ['demo', ...ANYWHERE]);
  const text = await until('the demo is up', () => demo.stdout().includes('Ctrl-C') && demo.stdout());
  t.match(text, /> GET \/e\/c\/[A-Za-z0-9_-]+\/[0-9a-f]{64}\n/);
  t.match(text, /< HTTP\/1\.1 302 Found\n/);
  t.match(text, /< Location: https:\/\/www\.example\.com\/welcome/);
  t.match(text, /< X-Robots-Tag: noindex/);
  t.match(text, /names {3}links\.example\.com\n {2}issuer {2}linkgate local CA/);
  t.match(text, 'linkgate_clicks_total{domain="links.example.com",kind="click",code="3xx"} 1');

  const command = /curl -i [^\n]+\\\n[^\n]+/.exec(text)?.[0] ?? '';
  const { stdout } = await promisify(execFile)('sh', ['-c', `${command} -sS --max-time 10`]);
  t.match(stdout, /^HTTP\/2 302/);
  t.match(stdout, /location: https:\/\/www\.example\.com\/welcome/);

  const caFile = /--cacert (\S+)/.exec(text)?.[1] ?? '';
  t.ok(existsSync(caFile));
  demo.process.kill('SIGINT');
  t.equal(await demo.ended, 0);
  t.notOk(existsSync(caFile), 'nothing is left behind');
  t.equal(demo.stderr(), '');
});

t.test('a port in use, a word that is no address', async (t) => {
  const demo = linkgate(t, ['demo', ...ANYWHERE]);
  const text = await until('the demo is up', () => demo.stdout().includes('Ctrl-C') && demo.stdout());
  const taken = /https {2}(\S+)/.exec(text)?.[1] ?? '';
  const second = linkgate(t, ['demo', ...ANYWHERE, '--https', taken]);
  t.equal(await second.ended, 69);
  t.match(
    second.stderr(),
    /\nERR_LISTEN_IN_USE: choose another port, or 0 for any free one: linkgate demo --https 127\.0\.0\.1:0 /,
    'the option of the demo, and not a key of a configuration that it has not',
  );
  const elsewhere = linkgate(t, ['demo', ...ANYWHERE, '--admin', '203.0.113.7:0']);
  t.equal(await elsewhere.ended, 69);
  t.match(elsewhere.stderr(), /\nERR_LISTEN_UNAVAILABLE: .*linkgate demo --admin 127\.0\.0\.1:0 /);
  const highest = linkgate(t, ['demo', ...ANYWHERE, '--https', '127.0.0.1:80443']);
  t.equal(await highest.ended, 64);
  t.match(highest.stderr(), /^linkgate: option --https has a port over 65535: "127\.0\.0\.1:80443"\n/);
  const third = linkgate(t, ['demo', ...ANYWHERE, '--https', 'here']);
  t.equal(await third.ended, 64);
  t.match(third.stderr(), /^linkgate: option --https must be ADDRESS:PORT, not "here"\n/);
});
