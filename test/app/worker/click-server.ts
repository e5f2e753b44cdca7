import { connect as tlsConnect } from 'node:tls';
import t from 'tap';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import { createCertificateStore } from '../../../src/cert/state/store.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import { createFileStorage } from '../../../src/storage/file.ts';
import { localSettings } from '../../helpers/settings.ts';
import { until } from '../../helpers/until.ts';
import { startWorker } from '../../helpers/started-worker.ts';

t.test('a new certificate is served as soon as the supervisor says so', async (t) => {
  const settings = localSettings(t);
  const storage = createFileStorage({ path: settings.certificates.storage.path, clock: systemClock });
  await storage.open();
  const store = createCertificateStore({ storage });
  const issuer = createLocalIssuer({ storage, keyType: 'ecdsa-p256', clock: systemClock });
  const { signal } = new AbortController();
  const domain = 'links.example.com';
  const issue = async (): Promise<string> => {
    const made = await issuer.obtain(domain, signal);
    return (await store.write(domain, { ...made, source: 'local', issuer: 'local' })).serial;
  };
  const first = await issue();
  const worker = await startWorker(t, settings);
  const ca = await issuer.rootPem(signal);
  const served = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = tlsConnect({ host: '127.0.0.1', port: worker.httpsPort, servername: domain, ca }, () => {
        resolve(socket.getPeerCertificate().serialNumber.toLowerCase());
        socket.destroy();
      });
      socket.once('error', reject);
    });
  t.equal(await served(), first);
  const second = await issue();
  t.equal(await served(), first, 'the one in memory is served until then');
  worker.tell({ type: 'refresh', domain });
  await until('the new one is served', async () => (await served()) === second);
});
