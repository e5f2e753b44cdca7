import { connect } from 'node:net';
import t from 'tap';
import { AcmeIssuer } from '../../../src/cert/acme/acme-issuer.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import type { Settings } from '../../../src/core/settings.ts';
import { createFileStorage } from '../../../src/storage/file.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { acmeCa } from '../../helpers/acme-ca.ts';
import { freePort } from '../../helpers/free-port.ts';
import { gather } from '../../helpers/serve.ts';
import { localSettings } from '../../helpers/settings.ts';
import { startWorker } from '../../helpers/started-worker.ts';

t.test('a worker that did not see the order answers its http-01 challenge with the account', async (t) => {
  const httpPort = await freePort();
  const ca = await acmeCa(t, { httpPort });
  const usual = localSettings(t);
  const acme = { directory: ca.directory, caFile: ca.caFile, challenges: ['http-01'] } as const;
  const issuers = [{ type: 'acme', name: 'test-ca', ...acme }] as const;
  const settings: Settings = {
    ...usual,
    listen: { ...usual.listen, http: { host: '127.0.0.1', port: httpPort } },
    certificates: { ...usual.certificates, issuers },
  };
  const seen = createFileStorage({ path: settings.certificates.storage.path, clock: systemClock });
  await seen.open();
  await startWorker(t, settings);
  // another machine orders; of what it writes the worker sees the account's thumbprint alone
  const elsewhere = createMemoryStorage();
  const { write } = elsewhere;
  elsewhere.write = async (key, value) => {
    await write(key, value);
    if (key.startsWith('thumbprints/')) await seen.write(key, value);
  };
  const issuer = new AcmeIssuer({
    settings: { ...issuers[0] },
    keyType: 'ecdsa-p256',
    storage: elsewhere,
    clock: systemClock,
  });
  const name = 'links.example.com';
  const { challenge } = await issuer.obtain(name, new AbortController().signal);
  t.equal(challenge, 'http-01', 'validated by the CA over the wire');
  t.same(await seen.list('challenges'), []);
  t.same(await seen.list('accounts'), [], 'nor has it the key');

  const ask = async (host: string, token: string): Promise<string> => {
    const socket = connect(httpPort, '127.0.0.1');
    const path = `/.well-known/acme-challenge/${token}`;
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    return gather(socket);
  };
  const token = 't'.repeat(43);
  const thumbprint = String(await seen.read((await seen.list('thumbprints'))[0] ?? ''));
  t.match(await ask(name, token), new RegExp(`\\r\\n\\r\\n${token}\\.${thumbprint}$`));
  await seen.write(`challenges/http-01/${name}/${token}`, `${token}.of-another-account`);
  t.match(await ask(name, token), /\r\n\r\nt+\.of-another-account$/, 'what is stored goes first');
  t.match(await ask('stranger.example.com', token), /^HTTP\/1\.1 421 /, 'for configured names alone');
});
