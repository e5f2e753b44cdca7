import { X509Certificate } from 'node:crypto';
import t from 'tap';
import { checkDns } from '../../../src/doctor/checks/dns.ts';
import { examine, idsOf, pki, resolverFor } from '../../helpers/examine.ts';
import { needs } from '../../helpers/needs.ts';

t.test('names of BIND, places on loopback', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, [
    'links IN CNAME proxy',
    'proxy IN A 127.0.0.1',
    'plain IN A 127.0.0.1',
    'two IN A 127.0.0.1',
    'two IN A 127.0.0.2',
    'six IN A 127.0.0.1',
    'six IN AAAA ::1',
    'txt IN TXT "x"',
    'direct IN CNAME e.customeriomail.com.',
  ]);
  const domain = (label: string) => ({ name: `${label}.example.com` });
  const leaf = pki.leaf(['links', 'two', 'six', 'plain'].map((label) => `${label}.example.com`));

  await t.test('an alias that leads here', async (t) => {
    const [found] = await checkDns(await examine(t, { resolver }));
    t.match(found, { level: 'green', what: 'CNAME proxy.example.com', evidence: [/^CNAME/, 'A 127.0.0.1'] });
  });
  await t.test('addresses alone', async (t) => {
    const [found] = await checkDns(
      await examine(t, { resolver, domain: domain('plain'), places: [{ leaf }] }),
    );
    t.match(found, { level: 'green', what: /flattened/ });
  });
  await t.test('no such name, and a name without an address', async (t) => {
    for (const label of ['none', 'txt']) {
      const found = await checkDns(await examine(t, { resolver, domain: domain(label), places: [] }));
      t.match(found, [{ id: 'dns-absent', level: 'red', remedy: /linkgate dns/ }], label);
    }
  });
  await t.test('a zone that this server refuses to answer for', async (t) => {
    const found = await checkDns(
      await examine(t, { resolver, domain: { name: 'links.example.net' }, places: [] }),
    );
    t.match(found, [{ id: 'dns-failed', evidence: [/EREFUSED/] }]);
  });
  await t.test('an AAAA record that leads to nothing', async (t) => {
    const found = await checkDns(await examine(t, { resolver, domain: domain('six'), places: [{ leaf }] }));
    t.match(found, [
      { id: 'dns-ipv6-stray', what: /::1/, evidence: [/::1: no connection \(ECONNREFUSED\)/, /127/] },
    ]);
    const places = [{ leaf }, { leaf, address: '::1' }];
    t.strictSame(idsOf(await checkDns(await examine(t, { resolver, domain: domain('six'), places }))), [
      'green',
    ]);
  });
  await t.test('one address of two is another machine', async (t) => {
    const other = pki.leaf(['two.example.com']);
    const serial = new X509Certificate(leaf.chainPem).serialNumber.toLowerCase();
    const status = {
      domain: 'two.example.com',
      state: 'live',
      source: 'acme',
      issuer: 'x',
      serial,
      notBefore: null,
      notAfter: null,
      nextAttempt: null,
      lastProblem: null,
    } as const;
    const places = [{ leaf }, { leaf: other, address: '127.0.0.2' }];
    const found = await checkDns(
      await examine(t, { resolver, domain: domain('two'), places, certificate: status }),
    );
    t.match(found, [{ id: 'dns-elsewhere', what: /127\.0\.0\.2$/ }]);
    const same = [{ leaf }, { leaf, address: '127.0.0.2' }];
    const good = await examine(t, { resolver, domain: domain('two'), places: same, certificate: status });
    t.strictSame(idsOf(await checkDns(good)), ['green']);
  });
  await t.test('an alias of the tracker itself', async (t) => {
    const found = await checkDns(await examine(t, { resolver, domain: domain('direct'), places: [] }));
    t.match(found, [{ id: 'dns-tracker', what: `direct.example.com is an alias of e.customeriomail.com` }]);
  });
});
