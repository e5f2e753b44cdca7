// A parent that really sends HSTS, seen before its subdomain is configured.

import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { findHstsAbove } from '../../../src/app/commands/hsts-above.ts';
import { failingNameServer, pki } from '../../helpers/examine.ts';
import { nameServer } from '../../helpers/name-server.ts';
import { needs } from '../../helpers/needs.ts';

const { signal } = new AbortController();

t.test('the parent’s policy, and the list of browsers', { skip: needs('named') }, async (t) => {
  const leaf = pki.leaf(['acme.example.com']);
  const parent = createServer({ key: leaf.keyPem, cert: leaf.chainPem }, (_request, response) =>
    response.writeHead(200, { 'Strict-Transport-Security': 'max-age=60; includeSubDomains' }).end(),
  );
  await new Promise<void>((resolve) => parent.listen(0, '127.0.0.1', resolve));
  t.teardown(() => parent.close());
  const { port } = parent.address() as AddressInfo;
  const { host, port: dns } = await nameServer(t, ['acme IN A 127.0.0.1']);
  const options = {
    resolvers: [`${host}:${dns}`],
    ports: { http: 1, https: port },
    caPem: pki.rootPem,
    signal,
  };
  t.match(await findHstsAbove('links.acme.example.com', options), [{ id: 'hsts-parent' }]);
  t.match(await findHstsAbove('links.acme.dev', options), [{ id: 'hsts-preload' }]);
  t.strictSame(await findHstsAbove('links.example.com', options), []);
});

t.test('no network: nothing is known, and nothing is in the way', async (t) => {
  t.strictSame(
    await findHstsAbove('links.example.com', { resolvers: [await failingNameServer(t)], signal }),
    [],
  );
});
