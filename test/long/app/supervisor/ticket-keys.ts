// A session of TLS is resumed by any worker, whatever became of the one that gave the ticket: a real supervisor with its processes.

import t from 'tap';
import { createLocalIssuer } from '../../../../src/cert/local-ca/local-ca.ts';
import { createCertificateStore } from '../../../../src/cert/state/store.ts';
import { systemClock } from '../../../../src/core/platform/clock.ts';
import { createFileStorage } from '../../../../src/storage/file.ts';
import { startSupervisor } from '../../../../src/app/supervisor/supervisor.ts';
import { localRoot } from '../../../helpers/local-root.ts';
import { countResumed, takeSession } from '../../../helpers/resume.ts';
import { localSettings } from '../../../helpers/settings.ts';
import { supervise } from '../../../helpers/supervised.ts';
import { until } from '../../../helpers/until.ts';

t.test('every worker resumes it, after a reload, a roll and the death of a worker too', async (t) => {
  const settings = localSettings(t, undefined, { workers: 3 });
  const supervisor = await startSupervisor({ settings, logLevel: 'silent' });
  t.teardown(() => supervisor.stop(0));
  await until('the certificate is live', () => supervisor.isLive());
  const target = (version: 'TLSv1.2' | 'TLSv1.3') => ({
    port: supervisor.addresses.https.port,
    servername: 'links.example.com',
    ca: localRoot(settings.certificates.storage.path),
    version,
  });
  const sessions = await until('a worker has the certificate', async () => [
    [target('TLSv1.2'), await takeSession(target('TLSv1.2'))] as const,
    [target('TLSv1.3'), await takeSession(target('TLSv1.3'))] as const,
  ]);
  const resumes = async (when: string): Promise<void> => {
    for (const [each, session] of sessions)
      t.equal(await countResumed(each, session), 100, `${each.version} ${when}`);
  };
  await resumes('at once');

  const changed = { ...settings, limits: { keepAliveMs: 60_000 } };
  t.match(await supervisor.reload(() => Promise.resolve(changed)), { change: { common: {} } });
  await resumes('after a reload');

  await supervisor.roll();
  await resumes('after a roll');

  const workers = async (): Promise<{ pid: number; state: string }[]> => {
    const status = await fetch(`http://127.0.0.1:${supervisor.addresses.admin.port}/api/status`);
    return ((await status.json()) as { workers: { pid: number; state: string }[] }).workers;
  };
  const killed = (await workers())[0]?.pid ?? 0;
  process.kill(killed, 'SIGKILL');
  await until('it is replaced', async () => {
    const now = (await workers()).filter(({ pid, state }) => pid !== killed && state === 'ready');
    return now.length === 3;
  });
  await resumes('after the death of a worker');
});

t.test('new keys end the older tickets in a running worker, and hold for later ones', async (t) => {
  const settings = localSettings(t, undefined, { workers: 2 });
  let ticketKeys = Buffer.alloc(48, 1);
  const { workers, httpsPort } = supervise(t, settings, { ticketKeys: () => ticketKeys });
  const storage = createFileStorage({ path: settings.certificates.storage.path, clock: systemClock });
  await storage.open();
  const issuer = createLocalIssuer({ storage, keyType: 'ecdsa-p256', clock: systemClock });
  const { signal } = new AbortController();
  const made = await issuer.obtain('links.example.com', signal);
  await createCertificateStore({ storage }).write('links.example.com', {
    ...made,
    source: 'local',
    issuer: 'local',
  });
  await workers.start();
  const ca = await issuer.rootPem(signal);
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const target = { port: httpsPort, servername: 'links.example.com', ca, version };
    const old = await takeSession(target);
    t.equal(await countResumed(target, old, 40), 40, version);
    ticketKeys = Buffer.from(ticketKeys.map((byte) => byte + 1));
    workers.sendTicketKeys();
    // a worker takes messages in order
    await workers.apply(settings, { domains: { set: [], removed: [] }, atRestart: [] });
    t.equal(await countResumed(target, old, 40), 0, `${version}, with new keys`);
    t.equal(await countResumed(target, await takeSession(target), 40), 40, `${version}, a new ticket`);
  }
});
