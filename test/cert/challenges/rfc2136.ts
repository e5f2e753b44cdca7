import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { createRfc2136Provider } from '../../../src/cert/challenges/rfc2136.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import type { Rfc2136Settings } from '../../../src/core/settings.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';
import { nameServer } from '../../helpers/name-server.ts';
import { needs } from '../../helpers/needs.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const forever = new AbortController().signal;
const name = '_acme-challenge.links.example.com';
const record = { name, value: 'a-value_', zone: 'example.com' };

t.test('BIND adds records and removes them one by one', { skip: needs('named') }, async (t) => {
  const server = await nameServer(t, ['_acme-challenge.links IN TXT "kept"']);
  const { keyName, keyFile } = server;
  const settings: Rfc2136Settings = { type: 'rfc2136', server, keyName, keyFile };
  const provider = createRfc2136Provider({ settings, clock: systemClock });

  const other = { ...record, value: 'another' };
  await provider.present(record, forever);
  await provider.present(other, forever);
  await provider.present(other, forever);
  t.same((await server.txt(name)).toSorted(), ['a-value_', 'another', 'kept']);
  await provider.cleanUp(record, forever);
  await provider.cleanUp(record, forever);
  t.same((await server.txt(name)).toSorted(), ['another', 'kept'], 'no other record is touched');

  const wrongKey = join(tempDir(t), 'key');
  writeFileSync(wrongKey, randomBytes(32).toString('base64'));
  const cases: readonly [string, Partial<Rfc2136Settings>, number, RegExp][] = [
    ['another secret', { keyFile: wrongKey }, 0, /refused the signature: BADSIG/],
    ['another key', { keyName: 'nobody' }, 0, /refused the signature: BADKEY/],
    ['a clock that is an hour ahead', {}, 3_600_000, /refused the signature: BADTIME/],
    ['a zone it does not serve', { zone: 'example.org' }, 0, /refused: (NOTAUTH|REFUSED|NOTZONE)/],
    ['a zone the name is not in', { zone: 'challenges.example.net' }, 0, /refused: NOTZONE/],
  ];
  for (const [what, change, aheadMs, message] of cases) {
    await t.test(what, async (t) => {
      const clock = { ...systemClock, now: () => Date.now() + aheadMs };
      const wrong = createRfc2136Provider({ settings: { ...settings, ...change }, clock });
      await t.rejects(wrong.present(record, forever), { code: 'ERR_DNS_UNAVAILABLE', message });
    });
  }
});

const settingsOf = (port: number, keyFile: string): Rfc2136Settings => ({
  type: 'rfc2136',
  server: { host: '127.0.0.1', port },
  keyName: 'key',
  keyFile,
});

t.test('a key that cannot be used is named, never shown', async (t) => {
  const keyFile = join(tempDir(t), 'key');
  const provider = createRfc2136Provider({ settings: settingsOf(9, keyFile), clock: systemClock });
  await t.rejects(provider.present(record, forever), { message: `dns.keyFile "${keyFile}" cannot be read` });
  writeFileSync(keyFile, 'not base64, and a secret');
  await t.rejects(provider.present(record, forever), {
    message: `dns.keyFile "${keyFile}" holds no secret in base64`,
  });
});

t.test('a server that is down, breaks off, forges, or is silent', async (t) => {
  const keyFile = join(tempDir(t), 'key');
  writeFileSync(keyFile, randomBytes(32).toString('base64'));
  let behave: 'close' | 'hang' | 'forge' = 'close';
  const asked = new EventTarget();
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (query: Buffer) => {
      asked.dispatchEvent(new Event('query'));
      if (behave === 'close') socket.destroy();
      // NOERROR under the same id, unsigned
      if (behave === 'forge') {
        socket.write(Buffer.from([0, 12, query[2] ?? 0, query[3] ?? 0, 0xa8, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const clock = fakeClock();
  const provider = createRfc2136Provider({ settings: settingsOf(port, keyFile), clock });

  await t.rejects(provider.present(record, forever), { code: 'ERR_DNS_UNAVAILABLE', message: /closed/ });
  behave = 'forge';
  await t.rejects(provider.present(record, forever), { message: /answer that is not signed/ });

  behave = 'hang';
  const heard = () => new Promise((resolve) => asked.addEventListener('query', resolve, { once: true }));
  const [hanging, query] = [provider.present(record, forever), heard()];
  hanging.catch(() => {});
  await query;
  await clock.advance(15_000);
  await t.rejects(hanging, { code: 'ERR_DNS_UNAVAILABLE', message: /did not answer in 15000 ms/ });

  const stop = new AbortController();
  const [stopped, again] = [provider.present(record, stop.signal), heard()];
  stopped.catch(() => {});
  await again;
  stop.abort(new Error('stopping'));
  await t.rejects(stopped, { message: 'stopping' });

  await new Promise((resolve) => server.close(resolve));
  await t.rejects(provider.present(record, forever), { message: /could not be asked: .*ECONNREFUSED/ });
});
