import { createSocket } from 'node:dgram';
import t from 'tap';
import type { CaaAsker, CaaRecord } from '../../../src/core/caa.ts';
import { needs } from '../../helpers/needs.ts';
import { nameServer } from '../../helpers/name-server.ts';
import {
  createPreflight,
  createPreflightResolver,
  type PreflightResolver,
} from '../../../src/cert/renewal/preflight.ts';

const { signal } = new AbortController();
const name = 'links.shop.example.com';
const askers =
  (...cas: string[][]) =>
  async () =>
    cas.map((identities) => ({ identities }));
const le = askers(['letsencrypt.org']);

/** A DNS of the test's making: what is not there is NXDOMAIN, `down` fails. */
const resolver = (
  addresses: Readonly<Record<string, string[] | 'down'>>,
  caa: Readonly<Record<string, CaaRecord[] | 'down'>> = {},
): PreflightResolver => {
  const from = async <T>(zone: Readonly<Record<string, T[] | 'down'>>, asked: string): Promise<T[]> => {
    const found = zone[asked];
    if (found === undefined) throw Object.assign(new Error('no'), { code: 'ENOTFOUND' });
    if (found === 'down') throw Object.assign(new Error('no'), { code: 'ESERVFAIL' });
    return found;
  };
  return {
    resolve4: (asked) => from(addresses, `A ${asked}`),
    resolve6: (asked) => from(addresses, `AAAA ${asked}`),
    resolveCaa: (asked) => from(caa, asked),
  };
};

t.test('a name without an address is not ready, whatever family would do', async (t) => {
  const look = (addresses: Record<string, string[] | 'down'>, needsAddress = true) =>
    createPreflight({ resolver: resolver(addresses), cas: le, needsAddress })(name, signal);
  t.match(await look({}), {
    code: 'ERR_CERT_NAME_UNREADY',
    message: `name "${name}" has no address: it does not exist in the DNS, or has neither A nor AAAA record`,
    details: { domain: name, remedy: /^point the name/ },
  });
  t.equal(await look({ [`A ${name}`]: ['192.0.2.1'] }), undefined, 'which one is nobody’s business');
  t.equal(await look({ [`AAAA ${name}`]: ['2001:db8::1'] }), undefined);
  t.equal(await look({ [`A ${name}`]: 'down' }), undefined, 'what cannot be known speaks against nothing');
  t.equal(await look({}, false), undefined, 'dns-01 needs no address');
});

t.test('the closest CAA records decide, and every CA counts', async (t) => {
  const look = (caa: Record<string, CaaRecord[] | 'down'>, cas = le) =>
    createPreflight({ resolver: resolver({ [`A ${name}`]: ['192.0.2.1'] }, caa), cas, needsAddress: true })(
      name,
      signal,
    );
  const only = (issue: string): CaaRecord[] => [{ critical: 0, issue }];
  t.match(await look({ 'example.com': only('digicert.com') }), {
    message: `name "${name}" must not be issued by "letsencrypt.org": the CAA records of "example.com" forbid it`,
    details: { remedy: 'add to "example.com": CAA 0 issue "letsencrypt.org"' },
  });
  t.equal(await look({ 'shop.example.com': only('letsencrypt.org'), 'example.com': only(';') }), undefined);
  t.ok(await look({ [name]: only(';'), 'example.com': only('letsencrypt.org') }));
  t.equal(await look({ [name]: 'down', 'example.com': only(';') }), undefined);
  t.equal(
    await look({ 'example.com': only('pki.goog') }, askers(['letsencrypt.org'], ['pki.goog'])),
    undefined,
  );
  t.equal(await look({ 'example.com': only(';') }, askers()), undefined);
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
  const look = createPreflight({ resolver: createPreflightResolver(servers), cas: le, needsAddress: true });
  t.equal(await look(name, signal), undefined);
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
  const look = createPreflight({ resolver: createPreflightResolver(servers), cas: le, needsAddress: true });
  t.match(await look(name, signal), { code: 'ERR_CERT_NAME_UNREADY' });
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
  const resolver = createPreflightResolver([`127.0.0.1:${port}`]);
  const look = (host: string, asker: Partial<CaaAsker> = {}) =>
    createPreflight({
      resolver,
      cas: async () => [{ identities: ['letsencrypt.org'], ...asker }],
      needsAddress: true,
    })(`${host}.example.com`, signal);
  t.equal(await look('a.open'), undefined, 'at the end of the alias');
  t.match(await look('chain'), { code: 'ERR_CERT_NAME_UNREADY' }, 'along two aliases');
  t.match(
    await look('bare'),
    { message: /the CAA records of "example\.com" forbid it/ },
    'none at the end of the alias: up from the name, not from there',
  );
  t.match(await look('deep.down.target'), { code: 'ERR_CERT_NAME_UNREADY' }, 'no address');
  t.equal(await look('wild'), undefined, 'issuewild is about other names');
  t.match(await look('critical'), { message: /"critical\.example\.com" forbid/ });
  t.equal(await look('method', { methods: ['http-01', 'tls-alpn-01'] }), undefined);
  t.match(await look('method', { methods: ['http-01'] }), { message: /"method\.example\.com" forbid/ });
  t.equal(await look('account', { accountUrl: account }), undefined);
  t.equal(await look('account'), undefined, 'before there is an account nobody knows');
  t.match(await look('account', { accountUrl: `${account}8` }), {
    message: /"account\.example\.com" forbid/,
  });
  const refused = createPreflight({ resolver, cas: le, needsAddress: true });
  t.equal(await refused('links.elsewhere.org', signal), undefined, 'a server that refuses says nothing');
});

t.test('a name server that never answers holds up no order', async (t) => {
  const silent = createSocket('udp4');
  await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
  t.teardown(() => silent.close());
  const resolver = createPreflightResolver([`127.0.0.1:${silent.address().port}`], 100);
  t.equal(await createPreflight({ resolver, cas: le, needsAddress: true })(name, signal), undefined);
});

t.test('an account that cannot be read speaks against nothing', async (t) => {
  const cas = () => Promise.reject(new Error('EIO'));
  const records = { [name]: [{ critical: 0, issue: 'digicert.com' }] };
  const from = resolver({ [`A ${name}`]: ['192.0.2.1'] }, records);
  t.equal(await createPreflight({ resolver: from, cas, needsAddress: true })(name, signal), undefined);
});
