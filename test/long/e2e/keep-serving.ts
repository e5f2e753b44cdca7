// A domain that leaves the configuration while mail still holds its links: the built command serves it until its certificate
// expires, orders nothing for it, then keeps the certificate in the archive and serves the name no more.

import { existsSync, readFileSync } from 'node:fs';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import t from 'tap';
import { acmeCa } from '../../helpers/acme-ca.ts';
import { clickHttp1 } from '../../helpers/click.ts';
import { freePort } from '../../helpers/free-port.ts';
import { linkgate, writeConfig } from '../../helpers/linkgate.ts';
import { pause } from '../../helpers/pause.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

const STAYS = 'links.example.com';
const LEAVES = 'old.example.com';
const LIFETIME_MS = 16_000;

t.test('a name taken out by a reload is served until it expires, then archived', async (t) => {
  const httpPort = await freePort();
  const ca = await acmeCa(t, { httpPort, lifetimeMs: LIFETIME_MS, withoutAri: true });
  const home = await tracker(t);
  const folder = tempDir(t);
  const write = (...names: readonly string[]): string =>
    writeConfig(folder, {
      listen: { https: '127.0.0.1:0', http: `127.0.0.1:${httpPort}`, admin: '127.0.0.1:0' },
      upstream: { url: home.url, serverName: home.serverName, caFile: home.caFile },
      certificates: {
        storage: { path: join(folder, 'certs') },
        issuers: [{ type: 'acme', directory: ca.directory, caFile: ca.caFile, challenges: ['http-01'] }],
        keepServing: true,
      },
      domains: names.map((name) => ({ name })),
      workers: 1,
    });
  const proxy = linkgate(t, ['run', '--config', write(STAYS, LEAVES)]);
  const port = await proxy.port('https');
  const click = (domain: string): Promise<string> =>
    clickHttp1({ port, domain, ca: ca.rootPem, path: '/e/c/x/y' });
  for (const domain of [STAYS, LEAVES]) await until(`${domain} is live`, () => click(domain), 60_000);

  write(STAYS);
  proxy.process.kill('SIGHUP');
  await proxy.line((line) => line.message === 'settings reloaded');
  const ordered = (domain: string): number => ca.orders().filter(({ name }) => name === domain).length;
  const before = ordered(LEAVES);
  const stored = join(folder, 'certs', 'certificates', `${LEAVES}.pem`);
  const pem = readFileSync(stored, 'utf8');
  const { validTo, serialNumber } = new X509Certificate(pem.slice(pem.indexOf('-----BEGIN CERTIFICATE')));
  const admin = await proxy.port('admin');
  const status = async (): Promise<string> => (await fetch(`http://127.0.0.1:${admin}/api/status`)).text();
  t.match(await status(), '"state":"retired"');

  let served = 0;
  while (Date.now() < Date.parse(validTo) - 1_000) {
    t.match(await click(LEAVES), /^HTTP\/1\.1 302 /, `click ${(served += 1)} after it left`);
    await pause(500);
  }
  t.ok(served > 3, `${served} clicks`);
  await until(
    'it is served no more',
    () =>
      click(LEAVES).then(
        () => false,
        () => true,
      ),
    20_000,
  );
  const archived = join(folder, 'certs', 'archive', LEAVES, `${serialNumber.toLowerCase()}.pem`);
  await until('it is archived', () => existsSync(archived) && !existsSync(stored), 30_000);
  t.equal(readFileSync(archived, 'utf8'), pem, 'key, chain and all');
  t.equal(ordered(LEAVES), before, 'no order since it left');
  t.notMatch(await status(), LEAVES);
  t.match(await click(STAYS), /^HTTP\/1\.1 302 /, 'the others are served as ever');
  t.ok(ordered(STAYS) > 1, 'and renewed');
  proxy.process.kill('SIGTERM');
  t.equal(await proxy.ended, 0);
});
