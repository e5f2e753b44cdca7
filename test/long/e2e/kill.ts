// kill -9, as the kernel or a person does it: of a worker under traffic, and of the supervisor in the middle of issuance.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createCertificateStore } from '../../../src/cert/state/store.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import { createFileStorage } from '../../../src/storage/file.ts';
import { clickHttp1 } from '../../helpers/click.ts';
import { freePort } from '../../helpers/free-port.ts';
import { linkgate, writeConfig, type Running } from '../../helpers/linkgate.ts';
import { localRoot } from '../../helpers/local-root.ts';
import { needs } from '../../helpers/needs.ts';
import { pebble } from '../../helpers/pebble.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

const isGone = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
};

const workerPids = (proxy: Running): number[] => [
  ...new Set(
    proxy.log.filter((line) => line.message === 'worker started').map((line) => Number(line['worker'])),
  ),
];

const clicksTotal = async (adminPort: number): Promise<number> => {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  return Number(/^linkgate_clicks_total\{.*\} (\d+)$/m.exec(text)?.[1] ?? 0);
};

for (const workers of [1, 2]) {
  t.test(`kill -9 of a worker, ${workers} in all: the next click works`, async (t) => {
    const folder = tempDir(t);
    const home = await tracker(t);
    const storage = join(folder, 'certs');
    const domain = 'links.example.com';
    const proxy = linkgate(t, [
      'run',
      '--config',
      writeConfig(folder, {
        listen: { https: '127.0.0.1:0', http: '127.0.0.1:0', admin: '127.0.0.1:0' },
        upstream: { url: home.url, serverName: home.serverName, caFile: home.caFile },
        certificates: { storage: { type: 'file', path: storage }, issuers: [{ type: 'local' }] },
        domains: [{ name: domain }],
        workers,
      }),
    ]);
    await proxy.line((line) => line.message === 'certificate issued');
    const port = await proxy.port('https');
    const adminPort = await proxy.port('admin');
    const ca = localRoot(storage);
    const click = (): Promise<string> => clickHttp1({ port, domain, ca, path: '/e/c/x/y' });
    await until('the first click', click);

    for (let round = 1; round <= 3; round += 1) {
      const counted = await clicksTotal(adminPort);
      const before = workerPids(proxy);
      const victims = before.filter((pid) => !isGone(pid));
      for (const pid of victims) process.kill(pid, 'SIGKILL');
      // no pause: the socket is the supervisor's, so this click waits in its queue for the next worker
      t.match(await click(), /^HTTP\/1\.1 302 /, `click after kill ${round}`);
      await until(
        'all workers are replaced',
        () => workerPids(proxy).length === before.length + victims.length,
      );
      t.ok((await clicksTotal(adminPort)) > counted, 'the count goes on where it stood');
    }
    const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    t.match(metrics, `linkgate_worker_restarts_total ${3 * workers}`);
    proxy.process.kill('SIGTERM');
    t.equal(await proxy.ended, 0);
  });
}

t.test('kill -9 of the supervisor during issuance', { skip: needs('pebble') }, async (t) => {
  const folder = tempDir(t);
  const httpPort = await freePort();
  const ca = await pebble(t, { httpPort });
  const home = await tracker(t);
  const path = join(folder, 'certs');
  const names = Array.from({ length: 12 }, (_, index) => `links${index}.example.com`);
  const config = writeConfig(folder, {
    listen: { https: '127.0.0.1:0', http: `127.0.0.1:${httpPort}`, admin: '127.0.0.1:0' },
    upstream: { url: home.url, serverName: home.serverName, caFile: home.caFile },
    certificates: {
      storage: { type: 'file', path },
      issuers: [{ type: 'acme', directory: ca.directory, caFile: ca.caFile }],
    },
    domains: names.map((name) => ({ name })),
    workers: 1,
  });
  const first = linkgate(t, ['run', '--config', config]);
  await first.line((line) => line.message === 'certificate issued');
  first.process.kill('SIGKILL');
  t.equal(await first.ended, 'SIGKILL');
  const orphans = workerPids(first);
  await until('the workers end without their supervisor', () => orphans.every(isGone));

  const store = createCertificateStore({ storage: createFileStorage({ path, clock: systemClock }) });
  const kept = readdirSync(join(path, 'certificates')).filter((file) => file.endsWith('.pem'));
  t.ok(
    kept.length >= 1 && kept.length < names.length,
    `killed in the middle: ${kept.length} of ${names.length}`,
  );
  for (const file of kept) {
    const name = file.slice(0, -'.pem'.length);
    t.match(await store.read(name), { domain: name, source: 'acme' }, `${name} is whole`);
  }

  const second = linkgate(t, ['run', '--config', config]);
  for (const name of names.filter((name) => !kept.includes(`${name}.pem`))) {
    await second.line((line) => line.message === 'certificate issued' && line['domain'] === name);
  }
  const port = await second.port('https');
  const root = await ca.roots();
  for (const domain of names) {
    t.match(
      await clickHttp1({ port, domain, ca: root, path: '/e/o/x' }),
      /^HTTP\/1\.1 302 /,
      `${domain} is live`,
    );
  }
  t.ok(
    ca.orders() <= names.length + 8,
    `orders placed twice are those under way at the kill (${ca.orders()})`,
  );
  second.process.kill('SIGTERM');
  t.equal(await second.ended, 0);
});
