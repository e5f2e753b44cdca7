import { readdirSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import t from 'tap';
import { holdSocket } from '../../../src/app/supervisor/held-socket.ts';
import { holdSockets } from '../../../src/app/supervisor/listening-sockets.ts';

const ANY = { host: '127.0.0.1', port: 0 } as const;

/** A socket that is bound and does not listen holds no port, but it is a descriptor. */
const openFiles = (): number => readdirSync('/dev/fd').length;

t.test('all three are held; the public ones close first', (t) => {
  const before = openFiles();
  const sockets = holdSockets({ https: ANY, http: ANY, admin: ANY }, []);
  t.teardown(() => sockets.close());
  const { https, http, admin } = sockets.addresses();
  t.equal(new Set([https.port, http.port, admin.port]).size, 3);
  t.equal(openFiles(), before + 3);
  t.equal(sockets.outliveProcess, false, 'they were bound here');
  sockets.closePublic();
  t.equal(openFiles(), before + 1);
  sockets.close();
  t.equal(openFiles(), before);
  t.end();
});

t.test('one that cannot be opened leaves none open', async (t) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  t.teardown(() => other.close());
  const taken = { host: '127.0.0.1', port: (other.address() as AddressInfo).port };
  const before = openFiles();
  t.throws(() => holdSockets({ https: ANY, http: ANY, admin: taken }, []), { code: 'ERR_LISTEN_IN_USE' });
  t.equal(openFiles(), before);
});

t.test('where both public sockets were passed they outlive the process', (t) => {
  const pass = (name: string) => ({ name, ...holdSocket(name, ANY) });
  const passed = [pass('https'), pass('http')];
  const fd = (name: string) => ({ ...ANY, fd: name });
  const both = holdSockets({ https: fd('https'), http: fd('http'), admin: ANY }, passed);
  t.teardown(() => both.close());
  t.equal(both.outliveProcess, true);
  const one = holdSockets({ https: fd('https'), http: ANY, admin: ANY }, passed);
  t.teardown(() => one.close());
  t.equal(one.outliveProcess, false);
  t.end();
});
