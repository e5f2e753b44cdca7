// The whole way from a command to the admin port: what askStatus sends is what the port asks for.

import { chmodSync } from 'node:fs';
import t, { type Test } from 'tap';
import { createAccess } from '../../../src/admin/access.ts';
import { AdminServer } from '../../../src/admin/server.ts';
import { readAdminAccess } from '../../../src/app/admin/admin-access.ts';
import { createAdminGet } from '../../../src/app/admin/admin-request.ts';
import { askStatus } from '../../../src/app/admin/ask-status.ts';
import { holdSocket } from '../../../src/app/supervisor/held-socket.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import type { AdminSettings, ListenAddress } from '../../../src/core/settings.ts';
import { configFiles } from '../../helpers/config-files.ts';
import { createPki } from '../../helpers/pki.ts';

const { signal } = new AbortController();

const start = async (t: Test, admin: AdminSettings): Promise<ListenAddress> => {
  const { rules, tls } = await readAdminAccess(admin);
  const access = createAccess(systemClock);
  access.setRules(rules);
  const socket = holdSocket('admin', { host: '127.0.0.1', port: 0 });
  const server = new AdminServer({
    socket,
    access,
    ...(tls === undefined ? {} : { tls }),
    metrics: async () => ({
      type: 'text/plain; version=0.0.4; charset=utf-8',
      text: 'linkgate_clicks_total{domain="a.example",kind="click",code="3xx"} 7\n',
    }),
    ready: () => true,
    status: async () => ({ domains: [], workers: [] }),
    onError: (error) => t.fail('server failed', { error }),
  });
  t.teardown(() => server.stop(0));
  await server.start();
  return socket.address;
};

const files = (t: Test) => {
  const { write } = configFiles(t);
  const secret = (name: string, content: string): string => {
    const path = write(name, content);
    chmodSync(path, 0o600);
    return path;
  };
  return { write, secret };
};

const unreachable = (message: RegExp) => ({ code: 'ERR_ADMIN_UNREACHABLE', message });

t.test('the token of the configuration', async (t) => {
  const { secret } = files(t);
  const tokenFile = secret('token', 'the-token-of-this-test\n');
  const address = await start(t, { tokenFile });
  t.match(await askStatus(address, signal, { tokenFile }), {
    domains: [],
    traffic: new Map([['a.example', { errors: 0 }]]),
  });
  await t.rejects(askStatus(address, signal), unreachable(/refused the token/));
  const other = { tokenFile: secret('other', 'another-token-altogether') };
  await t.rejects(askStatus(address, signal, other), unreachable(/refused the token/));
  const gone = { tokenFile: '/nonexistent/token' };
  await t.rejects(askStatus(address, signal, gone), { code: 'ERR_CONFIG_INVALID' });
});

t.test('TLS: verified by the name in the certificate of the configuration, by address or not', async (t) => {
  const pki = createPki();
  const { write, secret } = files(t);
  const settingsFor = (name: string, by = pki): AdminSettings => {
    const { chainPem, keyPem } = by.leaf([name]);
    return { tls: { certFile: write(`${name}.pem`, chainPem), keyFile: secret('key.pem', keyPem) } };
  };
  for (const name of ['proxy.internal', '192.0.2.7']) {
    const admin = settingsFor(name);
    const address = await start(t, admin);
    t.match(await askStatus(address, signal, admin), { workers: [] }, name);
    await t.rejects(askStatus(address, signal), unreachable(/does not answer/), 'in the clear');
    const elsewhere = settingsFor('other.internal');
    await t.rejects(
      askStatus(address, signal, elsewhere),
      unreachable(/does not answer: ERR_TLS_CERT_ALTNAME/),
    );
    const forged = settingsFor(name, createPki());
    await t.rejects(askStatus(address, signal, forged), unreachable(/does not answer: /), 'of another CA');
  }
});

t.test('TLS that asks for a certificate of the client', async (t) => {
  const pki = createPki();
  const { write, secret } = files(t);
  const [server, client] = [pki.leaf(['proxy.internal']), pki.leaf(['ops'], undefined, 'clientAuth')];
  const own = {
    certFile: write('server.pem', server.chainPem),
    keyFile: secret('key.pem', server.keyPem),
    clientCaFile: write('ca.pem', pki.rootPem),
  };
  const shown = {
    clientCertFile: write('client.pem', client.chainPem),
    clientKeyFile: secret('client-key.pem', client.keyPem),
  };
  const address = await start(t, { tls: own });
  t.match(await askStatus(address, signal, { tls: { ...own, ...shown } }), { workers: [] });
  await t.rejects(
    askStatus(address, signal, { tls: own }),
    unreachable(/does not answer/),
    'for servers only',
  );
  await t.rejects(createAdminGet(address, { tls: { ...own, certFile: '/nonexistent' } }), {
    code: 'ERR_CONFIG_UNREADABLE',
  });
});
