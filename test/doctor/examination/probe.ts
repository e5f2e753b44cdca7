import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { probe } from '../../../src/doctor/examination/probe.ts';
import { examine, NAME, pki } from '../../helpers/examine.ts';
import { createDnsResolver } from '../../../src/dns/resolver.ts';

const resolver = createDnsResolver({ servers: ['127.0.0.1:9'] });
const { signal } = new AbortController();
const use = { roots: [pki.rootPem], signal };

t.test('an response over TLS, with the certificate it came with', async (t) => {
  const { tools } = await examine(t, {
    resolver,
    places: [{ https: (_request, response) => void response.end('x'.repeat(300_000)) }],
  });
  const seen = await probe({ address: '127.0.0.1', port: tools.ports.https, tls: true, name: NAME }, use);
  t.match(seen, {
    connected: true,
    certificate: { names: [NAME], issuer: 'linkgate test root' },
    response: { status: 200 },
  });
  t.equal(seen.response?.body.length, 256 * 1024, 'no more than it needs');
  t.equal(seen.failure, undefined);
});

t.test('a certificate that is not good is shown, and nothing is asked for', async (t) => {
  let requests = 0;
  const https = (): void => void (requests += 1);
  const { tools } = await examine(t, { resolver, places: [{ https, leaf: pki.leaf(['other.example']) }] });
  const target = { address: '127.0.0.1', port: tools.ports.https, tls: true, name: NAME };
  t.match(await probe(target, use), {
    distrust: 'ERR_TLS_CERT_ALTNAME_INVALID',
    certificate: { names: ['other.example'] },
    response: undefined,
  });
  t.match(await probe(target, { ...use, roots: [] }), {
    distrust: /SELF_SIGNED|UNABLE/,
    response: undefined,
  });
  t.equal(requests, 0);
});

t.test('closed, silent, broken off, interrupted: said in a word, in time', async (t) => {
  const server = createServer((socket) => socket.on('error', () => undefined));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const silent = { address: '127.0.0.1', port, tls: false, name: NAME };
  t.match(await probe(silent, { ...use, limitMs: 50 }), { connected: true, failure: 'timeout' });
  t.match(await probe({ ...silent, tls: true }, { ...use, limitMs: 50 }), {
    connected: true,
    failure: 'timeout',
  });
  t.match(await probe({ ...silent, port: 9 }, use), { connected: false, failure: 'ECONNREFUSED' });
  const stopped = AbortSignal.abort();
  t.match(await probe(silent, { ...use, signal: stopped }), { connected: false, failure: 'interrupted' });
});
