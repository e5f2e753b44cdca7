import { createSocket } from 'node:dgram';
import t from 'tap';
import { createPreflight } from '../../../src/cert/renewal/preflight.ts';
import type { CaaAsker, CaaRecord } from '../../../src/dns/caa.ts';
import {
  createDnsResolver,
  type DnsAnswer,
  type DnsRecords,
  type DnsRecordType,
  type DnsResolver,
} from '../../../src/dns/resolver.ts';
import { needs } from '../../helpers/needs.ts';
import { nameServer } from '../../helpers/name-server.ts';

const { signal } = new AbortController();
const name = 'links.shop.example.com';
const askers =
  (...cas: string[][]) =>
  async () =>
    cas.map((identities) => ({ identities }));
const le = askers(['letsencrypt.org']);

type Zone = Readonly<Record<string, readonly (string | CaaRecord)[] | 'down'>>;

/** A DNS of the test's making, by `TYPE name`: what is not there is NXDOMAIN, `down` fails. */
const resolver = (zone: Zone): DnsResolver => ({
  ask: async <T extends DnsRecordType>(type: T, asked: string): Promise<DnsAnswer<DnsRecords[T]>> => {
    const found = zone[`${type} ${asked}`];
    const error = (code: string) => Object.assign(new Error(code), { code });
    if (found === undefined) return { state: 'absent', records: [], error: error('ENOTFOUND') };
    if (found === 'down') return { state: 'failed', records: [], error: error('ESERVFAIL') };
    return { state: 'found', records: found as readonly unknown[] as readonly DnsRecords[T][] };
  },
});

t.test('a name without an address is not ready, whatever family would do', async (t) => {
  const check = (zone: Zone, needsAddress = true) =>
    createPreflight({ resolver: resolver(zone), cas: le, needsAddress })(name, signal);
  t.match(await check({}), {
    code: 'ERR_CERT_NAME_UNREADY',
    message: `name "${name}" has no address: it does not exist in the DNS, or has neither A nor AAAA record`,
    details: { domain: name, remedy: /^point the name/ },
  });
  t.equal(await check({ [`A ${name}`]: ['192.0.2.1'] }), undefined, 'which one is nobody’s business');
  t.equal(await check({ [`AAAA ${name}`]: ['2001:db8::1'] }), undefined);
  t.equal(await check({ [`A ${name}`]: 'down' }), undefined, 'what cannot be known speaks against nothing');
  const ring = { [`CNAME ${name}`]: ['a.example'], 'CNAME a.example': [name] };
  t.match(await check({ ...ring, [`A ${name}`]: 'down', [`AAAA ${name}`]: 'down' }), {
    message: `name "${name}" has no address: its aliases lead in a circle, or are more than eight`,
  });
  t.equal(await check({ [`CNAME ${name}`]: 'down' }), undefined, 'an alias nobody could look up');
  t.equal(await check({}, false), undefined, 'dns-01 needs no address');
});

t.test('the closest CAA records decide, and every CA counts', async (t) => {
  const check = (caa: Zone, cas = le) => {
    const zone = Object.fromEntries(Object.entries(caa).map(([owner, records]) => [`CAA ${owner}`, records]));
    return createPreflight({
      resolver: resolver({ ...zone, [`A ${name}`]: ['192.0.2.1'] }),
      cas,
      needsAddress: true,
    })(name, signal);
  };
  const only = (issue: string): CaaRecord[] => [{ critical: 0, issue }];
  t.match(await check({ 'example.com': only('digicert.com') }), {
    message: `name "${name}" must not be issued by "letsencrypt.org": the CAA records of "example.com" forbid it`,
    details: { remedy: 'add to "example.com": CAA 0 issue "letsencrypt.org"' },
  });
  t.equal(await check({ 'shop.example.com': only('letsencrypt.org'), 'example.com': only(';') }), undefined);
  t.ok(await check({ [name]: only(';'), 'example.com': only('letsencrypt.org') }));
  t.equal(await check({ [name]: 'down', 'example.com': only(';') }), undefined);
  t.equal(
    await check({ 'example.com': only('pki.goog') }, askers(['letsencrypt.org'], ['pki.goog'])),
    undefined,
  );
  t.equal(await check({ 'example.com': only(';') }, askers()), undefined);
});

t.test('a name server that is silent or says no is no reason', async (t) => {
  const silent = createSocket('udp4');
  await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
  t.teardown(() => silent.close());
  silent.on('message', (query, { port, address }) => {
    // SERVFAIL (RFC 1035 §4.1.1)
    const answer = Buffer.from(query);
    answer[2] = 0x81;
    answer[3] = 0x82;
    silent.send(answer, port, address);
  });
  const servers = [`127.0.0.1:${silent.address().port}`];
  const check = createPreflight({ resolver: createDnsResolver({ servers }), cas: le, needsAddress: true });
  t.equal(await check(name, signal), undefined);
});

t.test('NXDOMAIN over the wire is an answer', async (t) => {
  const server = createSocket('udp4');
  await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  server.on('message', (query, { port, address }) => {
    const answer = Buffer.from(query);
    answer[2] = 0x81;
    answer[3] = 0x83;
    server.send(answer, port, address);
  });
  const servers = [`127.0.0.1:${server.address().port}`];
  const check = createPreflight({ resolver: createDnsResolver({ servers }), cas: le, needsAddress: true });
  t.match(await check(name, signal), { code: 'ERR_CERT_NAME_UNREADY' });
});

t.test('CAA records as BIND serves them', { skip: needs('named') }, async (t) => {
  const account = 'https://acme-v02.api.letsencrypt.org/acme/acct/7';
  const { port } = await nameServer(t, [
    '@ CAA 0 issue "digicert.com"',
    '*.open CNAME target',
    'target A 192.0.2.1',
    'target CAA 0 issue "letsencrypt.org"',
    'chain CNAME chain2',
    'chain2 CNAME shut',
    'shut A 192.0.2.1',
    'shut CAA 0 issue ";"',
    'bare CNAME nothing',
    'nothing A 192.0.2.1',
    'wild A 192.0.2.1',
    'wild CAA 0 issuewild ";"',
    'wild CAA 0 iodef "mailto:a@example.com"',
    'critical A 192.0.2.1',
    'critical CAA 128 tbs "unknown"',
    'critical CAA 0 issue "letsencrypt.org"',
    'method A 192.0.2.1',
    'method CAA 0 issue "letsencrypt.org; validationmethods=dns-01,tls-alpn-01"',
    'account A 192.0.2.1',
    `account CAA 0 issue "letsencrypt.org; accounturi=${account}"`,
  ]);
  const resolver = createDnsResolver({ servers: [`127.0.0.1:${port}`] });
  const check = (host: string, asker: Partial<CaaAsker> = {}) =>
    createPreflight({
      resolver,
      cas: async () => [{ identities: ['letsencrypt.org'], ...asker }],
      needsAddress: true,
    })(`${host}.example.com`, signal);
  t.equal(await check('a.open'), undefined, 'at the end of the alias');
  t.match(await check('chain'), { code: 'ERR_CERT_NAME_UNREADY' }, 'along two aliases');
  t.match(
    await check('bare'),
    { message: /the CAA records of "example\.com" forbid it/ },
    'none at the end of the alias: up from the name, not from there',
  );
  t.match(await check('deep.down.target'), { code: 'ERR_CERT_NAME_UNREADY' }, 'no address');
  t.equal(await check('wild'), undefined, 'issuewild is about other names');
  t.match(await check('critical'), { message: /"critical\.example\.com" forbid/ });
  t.equal(await check('method', { methods: ['http-01', 'tls-alpn-01'] }), undefined);
  t.match(await check('method', { methods: ['http-01'] }), { message: /"method\.example\.com" forbid/ });
  t.equal(await check('account', { accountUrl: account }), undefined);
  t.equal(await check('account'), undefined, 'before there is an account nobody knows');
  t.match(await check('account', { accountUrl: `${account}8` }), {
    message: /"account\.example\.com" forbid/,
  });
  const refused = createPreflight({ resolver, cas: le, needsAddress: true });
  t.equal(await refused('links.elsewhere.org', signal), undefined, 'a server that refuses says nothing');
});

t.test('a name server that never answers holds up no order', async (t) => {
  const silent = createSocket('udp4');
  await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
  t.teardown(() => silent.close());
  const resolver = createDnsResolver({ servers: [`127.0.0.1:${silent.address().port}`], tryMs: 100 });
  t.equal(await createPreflight({ resolver, cas: le, needsAddress: true })(name, signal), undefined);
});

t.test('an account that cannot be read speaks against nothing', async (t) => {
  const cas = () => Promise.reject(new Error('EIO'));
  const from = resolver({
    [`A ${name}`]: ['192.0.2.1'],
    [`CAA ${name}`]: [{ critical: 0, issue: 'digicert.com' }],
  });
  t.equal(await createPreflight({ resolver: from, cas, needsAddress: true })(name, signal), undefined);
});
