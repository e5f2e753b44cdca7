import * as fc from 'fast-check';
import t from 'tap';
import {
  collide,
  formatListen,
  formatListenAddress,
  isLoopback,
  parseListen,
  parseListenAddress,
} from '../../../src/config/values/listen-address.ts';

t.test('reads the three spellings', async (t) => {
  t.strictSame(parseListenAddress('0.0.0.0:443'), { host: '0.0.0.0', port: 443 });
  t.strictSame(parseListenAddress(':80'), { host: '::', port: 80 });
  t.strictSame(parseListenAddress('[::]:443'), { host: '::', port: 443 });
  t.strictSame(parseListenAddress('[FE80:0:0::A]:0'), { host: 'fe80::a', port: 0 }, 'shortest form, port 0');
});

for (const text of [
  '',
  ':',
  '443',
  'localhost:80',
  '1.2.3:80',
  '01.2.3.4:80',
  '256.1.1.1:80',
  '1.2.3.4:65536',
  '1.2.3.4:080',
  '1.2.3.4:-1',
  '::1:80',
  '[::1]80',
  '[::1',
  '[1.2.3.4]:80',
  '[fe80::1%eth0]:80',
  ' :80',
  ':80\n',
  'fd:https',
]) {
  t.test(`refuses ${JSON.stringify(text)}`, async (t) => {
    t.equal(parseListenAddress(text), undefined);
  });
}

t.test(
  'a socket of systemd has a name, and is assumed to have the default address of the listener',
  async (t) => {
    t.strictSame(parseListen('https', 'fd:web'), { host: '0.0.0.0', port: 443, fd: 'web' });
    t.strictSame(parseListen('admin', 'fd:admin'), { host: '127.0.0.1', port: 9464, fd: 'admin' });
    t.strictSame(parseListen('http', ':80'), { host: '::', port: 80 });
    for (const text of ['fd:', 'fd:a b', 'fd:a:b', 'fd', 'FD:a', `fd:${'x'.repeat(256)}`])
      t.equal(parseListen('http', text), undefined, text);
    t.equal(formatListen({ host: '0.0.0.0', port: 443, fd: 'web' }), 'fd:web');
    t.equal(formatListen({ host: '::', port: 80 }), '[::]:80');
    const [web, other] = [parseListen('https', 'fd:web'), parseListen('http', 'fd:other')];
    if (web === undefined || other === undefined) throw new Error('not read');
    t.ok(collide(web, { ...other, fd: 'web' }));
    t.notOk(collide(web, other));
    t.notOk(collide(web, { host: '0.0.0.0', port: 443 }), 'whatever it is bound to is not known here');
  },
);

t.test('what is formatted reads back', async (t) => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.ipV4(),
        fc.ipV6().map((ip) => `[${ip}]`),
      ),
      fc.integer({ min: 0, max: 65_535 }),
      (ip, port) => {
        const first = parseListenAddress(`${ip}:${port}`);
        t.ok(first, `${ip}:${port}`);
        if (first !== undefined) t.strictSame(parseListenAddress(formatListenAddress(first)), first);
      },
    ),
    { numRuns: 300 },
  );
});

t.test('any text is an address or undefined', async () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789abf.:[]%lx ') }), (text) => {
      const address = parseListenAddress(text);
      return address === undefined || parseListenAddress(formatListenAddress(address)) !== undefined;
    }),
    { numRuns: 5000 },
  );
});

const loopback = (text: string): boolean => isLoopback(parseListenAddress(text) ?? { host: '', port: 0 });

t.test('loopback', async (t) => {
  t.ok(loopback('127.0.0.1:1'));
  t.ok(loopback('127.9.9.9:1'));
  t.ok(loopback('[0:0::1]:1'));
  for (const text of ['0.0.0.0:1', ':1', '12.7.0.1:1', '[::ffff:7f00:1]:1', '[::127]:1'])
    t.notOk(loopback(text), text);
});

t.test('collisions', async (t) => {
  const both = (a: string, b: string): boolean => {
    const [left, right] = [parseListenAddress(a), parseListenAddress(b)];
    if (left === undefined || right === undefined) throw new Error(`${a} or ${b} is not an address`);
    t.equal(collide(left, right), collide(right, left), 'either way round');
    return collide(left, right);
  };
  t.ok(both('127.0.0.1:80', '127.0.0.1:80'));
  t.ok(both('0.0.0.0:80', '127.0.0.1:80'), 'every IPv4 address includes this one');
  t.ok(both(':80', '127.0.0.1:80'), 'every address includes this one');
  t.ok(both('[::]:80', '0.0.0.0:80'));
  t.notOk(both('127.0.0.1:80', '127.0.0.2:80'));
  t.notOk(both('127.0.0.1:80', '127.0.0.1:81'));
  t.notOk(both('127.0.0.1:0', '127.0.0.1:0'), 'port 0 is a different one each time');
  t.notOk(both('0.0.0.0:80', '[::1]:80'));
});
