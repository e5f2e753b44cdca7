// The doctor next to a proxy that runs, and without one.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { runDoctor } from '../../../src/app/commands/doctor.ts';
import { startSupervisor } from '../../../src/app/supervisor/supervisor.ts';
import { failingNameServer } from '../../helpers/examine.ts';
import { nameServer } from '../../helpers/name-server.ts';
import { freePort } from '../../helpers/free-port.ts';
import { localRoot } from '../../helpers/local-root.ts';
import { needs } from '../../helpers/needs.ts';
import { localSettings } from '../../helpers/settings.ts';
import { tracker } from '../../helpers/tracker.ts';
import { until } from '../../helpers/until.ts';

const { signal } = new AbortController();

t.test('next to a running proxy: every check of the domain is green', { skip: needs('named') }, async (t) => {
  const own = await tracker(t);
  const { host, port } = await nameServer(t, ['links IN A 127.0.0.1']);
  const admin = { host: '127.0.0.1', port: await freePort() };
  const base = localSettings(t, own);
  const settings = { ...base, listen: { ...base.listen, admin } };
  const supervisor = await startSupervisor({ settings, logLevel: 'silent' });
  t.teardown(() => supervisor.stop(1_000));
  await until('a certificate', () => supervisor.isLive());
  const options = {
    settings,
    domains: [],
    resolvers: [`${host}:${port}`],
    ports: { http: supervisor.addresses.http.port, https: supervisor.addresses.https.port },
    caPem: localRoot(settings.certificates.storage.path),
    signal,
  };
  const report = await runDoctor(options);
  t.equal(report.source, 'proxy');
  t.strictSame(
    report.domains[0]?.findings.filter(({ level }) => level !== 'green'),
    [],
  );
  t.match(
    report.domains[0]?.findings.find(({ check }) => check === 'certificate')?.what,
    /next renewal \d{4}-/,
  );
  const machine = report.machine.flatMap(({ id }) => id ?? []);
  t.notOk(
    machine.some((id) => ['storage-modes', 'storage-unreadable', 'clock-skewed'].includes(id)),
    'modes and clock',
  );
  t.ok(
    own.requests.every(({ target }) => target === '/'),
    'never a click',
  );

  const without = await runDoctor({
    ...options,
    settings: { ...settings, listen: { ...settings.listen, admin: { ...admin, port: 9 } } },
  });
  t.equal(without.source, 'storage');
  t.ok(without.domains[0]?.findings.every(({ level }) => level === 'green'));
});

t.test('a domain that is not configured; a storage that cannot be read', async (t) => {
  const base = localSettings(t);
  const settings = { ...base, listen: { ...base.listen, admin: { host: '127.0.0.1', port: 9 } } };
  await t.rejects(runDoctor({ settings, domains: ['x.example'], signal }), {
    code: 'ERR_CERT_UNKNOWN_NAME',
    message: /"x\.example"/,
  });
  const path = join(settings.certificates.storage.path, '..', 'file');
  writeFileSync(path, '');
  const certificates = { ...settings.certificates, storage: { type: 'file', path } } as const;
  const report = await runDoctor({
    settings: { ...settings, certificates },
    domains: [],
    resolvers: [await failingNameServer(t)],
    signal,
  });
  t.equal(report.source, 'none');
  t.ok(report.machine.some(({ id }) => id === 'storage-unreadable'));
  t.match(report.domains[0]?.findings[0], { id: 'dns-failed' });
});
