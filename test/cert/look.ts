import { createSocket } from 'node:dgram';
import t from 'tap';
import type { CaaRecord } from '../../src/core/caa.ts';
import { createLook, createLookResolver, type LookResolver } from '../../src/cert/look.ts';

const { signal } = new AbortController();
const name = 'links.shop.example.com';
const le = [['letsencrypt.org']];

/** A DNS of the test's making: what is not there is NXDOMAIN, `down` fails. */
const resolver = (
  addresses: Readonly<Record<string, string[] | 'down'>>,
  caa: Readonly<Record<string, CaaRecord[] | 'down'>> = {},
): LookResolver => {
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
    createLook({ resolver: resolver(addresses), cas: le, needsAddress })(name, signal);
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
  const look = (caa: Record<string, CaaRecord[] | 'down'>, cas: string[][] = [['letsencrypt.org']]) =>
    createLook({ resolver: resolver({ [`A ${name}`]: ['192.0.2.1'] }, caa), cas, needsAddress: true })(
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
  t.equal(await look({ 'example.com': only('pki.goog') }, [['letsencrypt.org'], ['pki.goog']]), undefined);
  t.equal(await look({ 'example.com': only(';') }, []), undefined);
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
  const look = createLook({ resolver: createLookResolver(servers), cas: le, needsAddress: true });
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
  const look = createLook({ resolver: createLookResolver(servers), cas: le, needsAddress: true });
  t.match(await look(name, signal), { code: 'ERR_CERT_NAME_UNREADY' });
});
