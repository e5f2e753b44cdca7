import t from 'tap';
import {
  clientKeyOf,
  networkOf,
  peerAddressOf,
  trustedRanges,
} from '../../../src/serve/connections/ip-addresses.ts';

t.test('an address has one spelling', (t) => {
  t.equal(peerAddressOf('::ffff:192.0.2.1'), '192.0.2.1');
  t.equal(peerAddressOf('2001:db8::1'), '2001:db8::1');
  t.equal(peerAddressOf(undefined), 'unknown');
  t.end();
});

t.test('a network shows no whole address', (t) => {
  t.equal(networkOf('192.0.2.77'), '192.0.2.0/24');
  t.equal(networkOf('2001:db8:1:2:3:4:5:6'), '2001:db8:1::/48');
  t.equal(networkOf('2001:0db8::5'), '2001:db8:0::/48');
  t.equal(networkOf('::1'), '0:0:0::/48');
  t.equal(networkOf('fe80::1%eth0'), 'fe80:0:0::/48');
  t.equal(networkOf('unknown'), 'unknown');
  t.end();
});

t.test('one client: an IPv4 address, an IPv6 /64', (t) => {
  t.equal(clientKeyOf('192.0.2.77'), '192.0.2.77');
  t.equal(clientKeyOf('2001:db8:1:2::1'), clientKeyOf('2001:db8:1:2:ffff::9'));
  t.not(clientKeyOf('2001:db8:1:2::1'), clientKeyOf('2001:db8:1:3::1'));
  t.end();
});

t.test('trusted ranges', (t) => {
  const trusted = trustedRanges(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']);
  for (const address of ['10.255.0.1', '192.0.2.7', '2001:db8:9::1']) t.ok(trusted(address), address);
  for (const address of ['11.0.0.1', '192.0.2.8', '2001:db9::1', 'unknown', ''])
    t.notOk(trusted(address), address);
  t.notOk(trustedRanges([])('127.0.0.1'));
  t.throws(() => trustedRanges(['nonsense']));
  t.end();
});
