import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createAccess } from '../../../src/admin/access.ts';
import { createTokenRefresh, readAdminAccess, requireGuard } from '../../../src/app/admin/admin-access.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import { configFiles } from '../../helpers/config-files.ts';

t.test('the files of the settings are read again each time', async (t) => {
  t.strictSame(await readAdminAccess(undefined), { rules: { metricsOpen: false } });
  const { folder, write } = configFiles(t);
  const tokenFile = write('token', 'first-token-of-this-test\n');
  chmodSync(tokenFile, 0o600);
  const admin = {
    tokenFile,
    metrics: 'open',
    hosts: ['proxy.internal'],
    tls: { certFile: write('c', 'C'), keyFile: write('k', 'K'), clientCaFile: write('ca', 'CA') },
  } as const;
  const rules = { metricsOpen: true, hosts: ['proxy.internal'] };
  const tls = { cert: 'C', key: 'K', clientCa: 'CA' };
  t.strictSame(await readAdminAccess(admin), { rules: { ...rules, token: 'first-token-of-this-test' }, tls });
  writeFileSync(tokenFile, 'second-token-of-this-test');
  t.match(await readAdminAccess(admin), { rules: { token: 'second-token-of-this-test' } });
  chmodSync(tokenFile, 0o666);
  const invalid = (message: RegExp) => ({ code: 'ERR_CONFIG_INVALID', message });
  await t.rejects(readAdminAccess(admin), invalid(/has mode 0666/));
  const gone = { tls: { certFile: join(folder, 'gone'), keyFile: join(folder, 'gone') } };
  await t.rejects(readAdminAccess(gone), invalid(/gone" cannot be read/));
});

t.test('a port that other machines reach needs a guard, whatever its socket', async (t) => {
  const open = { code: 'ERR_CONFIG_INVALID', message: /^admin socket is open on "0\.0\.0\.0:1"/ };
  const everywhere = { host: '0.0.0.0', port: 1 };
  const pem = { cert: '', key: '' };
  t.throws(() => requireGuard(everywhere, { rules: {} }), open);
  t.throws(() => requireGuard(everywhere, { rules: { metricsOpen: true }, tls: pem }), open);
  t.doesNotThrow(() => requireGuard(everywhere, { rules: { token: 'x' } }));
  t.doesNotThrow(() => requireGuard(everywhere, { rules: {}, tls: { ...pem, clientCa: '' } }));
  for (const host of ['127.0.0.1', '::1']) requireGuard({ host, port: 1 }, { rules: {} });
});

t.test('a newer token is found in its file', async (t) => {
  const { write } = configFiles(t);
  const tokenFile = write('token', 'first-token-of-this-test');
  chmodSync(tokenFile, 0o600);
  const access = createAccess(systemClock);
  const look = createTokenRefresh(access, () => ({ tokenFile }));
  t.equal(await look(), false, 'none is demanded, and none will be by looking');
  access.setRules({ token: 'first-token-of-this-test' });
  t.equal(await look(), false, 'it is the same');
  const asked = { path: '/', host: 'localhost', origin: undefined, address: '127.0.0.1' };
  const status = (token: string): number | undefined =>
    access.refuse({ ...asked, authorization: `Bearer ${token}` })?.status;
  writeFileSync(tokenFile, 'second-token-of-this-test');
  t.strictSame(await Promise.all([look(), look()]), [true, true]);
  t.strictSame([status('second-token-of-this-test'), status('first-token-of-this-test')], [undefined, 401]);
  chmodSync(tokenFile, 0o666);
  writeFileSync(tokenFile, 'third-token-of-this-test');
  t.equal(await look(), false, 'what everybody may write is no token');
  t.equal(status('second-token-of-this-test'), undefined);
});
