// One look at a name: a hosts file, a real name server, and the system behind both.

import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  createResolveAddresses,
  inHosts,
} from '../../../../src/serve/upstream/addresses/resolve-addresses.ts';
import { nameServer } from '../../../helpers/name-server.ts';
import { needs } from '../../../helpers/needs.ts';
import { tempDir } from '../../../helpers/temp-dir.ts';

const hostsFile = (t: Test, text = ''): string => {
  const file = join(tempDir(t), 'hosts');
  writeFileSync(file, text);
  return file;
};
const nothing = (): Promise<readonly { address: string }[]> =>
  Promise.reject(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }));
/** a name server that takes questions and answers none */
const silentServer = async (t: Test): Promise<string> => {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  t.teardown(() => socket.close());
  return `127.0.0.1:${socket.address().port}`;
};

t.test('a hosts file: any case, several names a line, comments, no junk', (t) => {
  const text = '# x\n127.0.0.1 localhost\n::1\tLocalHost ip6\n10.0.0.1 a b.c # d\nx d\n10.0.0.2 b.c\n';
  t.same(inHosts(text, 'localhost'), ['127.0.0.1', '::1']);
  t.same(inHosts(text, 'b.c'), ['10.0.0.1', '10.0.0.2']);
  t.same(inHosts(text, 'd'), []);
  t.same(inHosts('', 'a'), []);
  t.end();
});

t.test(
  'A and AAAA come with their TTL; a hosts file wins, the system comes last',
  { skip: needs('named') },
  async (t) => {
    const dns = await nameServer(t, [
      'both 30 IN A 192.0.2.1',
      'both 30 IN A 192.0.2.2',
      'both 7 IN AAAA 2001:db8::1',
      'four 9 IN A 192.0.2.4',
      'alias 3 IN CNAME four',
      'none 3 IN TXT x',
    ]);
    const servers = [`127.0.0.1:${dns.port}`];
    const resolve = createResolveAddresses({ servers, hostsFile: hostsFile(t), askSystem: nothing });
    const both = await resolve('both.example.com');
    t.same(both.ipv4?.addresses.toSorted(), ['192.0.2.1', '192.0.2.2']);
    t.equal(both.ipv4?.ttlMs, 30_000);
    t.same(both.ipv6, { addresses: ['2001:db8::1'], ttlMs: 7_000 });
    t.match(await resolve('four.example.com'), { ipv4: { ttlMs: 9_000 }, ipv6: { addresses: [] } });
    t.match(await resolve('alias.example.com'), { ipv4: { addresses: ['192.0.2.4'] } });
    await t.rejects(resolve('none.example.com'), { code: 'ENODATA' });
    await t.rejects(resolve('absent.example.com'), { code: 'ENOTFOUND' });

    const file = hostsFile(t, '127.0.0.9 both.example.com\n');
    const pinned = createResolveAddresses({ servers, hostsFile: file, askSystem: nothing });
    t.match(await pinned('BOTH.example.com'), {
      ipv4: { addresses: ['127.0.0.9'] },
      ipv6: { addresses: [] },
    });
    writeFileSync(file, '');
    t.match(await pinned('both.example.com'), { ipv4: { ttlMs: 30_000 } }, 'the file is read each time');

    const system = createResolveAddresses({
      servers,
      hostsFile: join(tempDir(t), 'absent'),
      askSystem: (name) =>
        Promise.resolve([{ address: '10.1.1.1' }, { address: name === 'x' ? '' : 'fd00::1' }]),
    });
    t.same(await system('tracker.mdns-only'), {
      ipv4: { addresses: ['10.1.1.1'], ttlMs: 0 },
      ipv6: { addresses: ['fd00::1'], ttlMs: 0 },
    });
  },
);

t.test('servers that say nothing are given up in two seconds; the system is asked then', async (t) => {
  const servers = [await silentServer(t)];
  const before = performance.now();
  const resolve = createResolveAddresses({
    servers,
    hostsFile: hostsFile(t),
    askSystem: () => Promise.resolve([{ address: '10.1.1.1' }]),
  });
  t.match(await resolve('tracker.example.com'), { ipv4: { addresses: ['10.1.1.1'] } });
  t.ok(performance.now() - before < 10_000);
  const alone = createResolveAddresses({ servers, hostsFile: hostsFile(t), askSystem: nothing });
  await t.rejects(alone('tracker.example.com'), { code: /ECANCELLED|ETIMEOUT/ });
});

t.test('a server that answers for one family only is not waited for', async (t) => {
  // answers A questions, swallows AAAA: a common fault of small routers
  const socket = createSocket('udp4');
  socket.on('message', (question, { port, address }) => {
    const end = question.indexOf(0, 12) + 1;
    if (question.readUInt16BE(end) !== 1) return;
    const head = Buffer.from(question.subarray(0, end + 4));
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(1, 6);
    head.writeUInt16BE(0, 10);
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
    socket.send(Buffer.concat([head, record]), port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  t.teardown(() => socket.close());
  const servers = [`127.0.0.1:${socket.address().port}`];
  const resolve = createResolveAddresses({ servers, hostsFile: hostsFile(t), askSystem: nothing });
  const silent = createResolveAddresses({
    servers: [await silentServer(t)],
    hostsFile: hostsFile(t),
    askSystem: nothing,
  });
  const timedOut = silent('tracker.example.com').then(
    () => undefined,
    () => 'the question timed out',
  );
  const found = await Promise.race([resolve('tracker.example.com'), timedOut]);
  t.same(found, { ipv4: { addresses: ['192.0.2.7'], ttlMs: 60_000 }, ipv6: undefined });
});
