// `linkgate certs` next to a running proxy, as a person at a shell does it: what it changes is served at once.

import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';
import t from 'tap';
import { linkgate, writeConfig } from '../../helpers/linkgate.ts';
import { linkgateCommand, type CommandResult } from '../../helpers/linkgate-command.ts';
import { localRoot } from '../../helpers/local-root.ts';
import { createPki } from '../../helpers/pki.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { until } from '../../helpers/until.ts';

const one = 'links.example.com';
const two = 'clicks.example.com';

/** The certificate a client sees, verified. */
const seen = (port: number, servername: string, ca: string): Promise<PeerCertificate> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername, ca }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.once('error', reject);
  });

t.test('manual operations next to a running proxy', async (t) => {
  const folder = tempDir(t);
  const storage = join(folder, 'certs');
  const config = writeConfig(folder, {
    listen: { https: '127.0.0.1:0', http: '127.0.0.1:0', admin: '127.0.0.1:0' },
    certificates: { storage: { type: 'file', path: storage }, issuers: [{ type: 'local' }] },
    domains: [{ name: one }, { name: two }],
    workers: 2,
  });
  const certs = (...args: readonly string[]): Promise<CommandResult> =>
    linkgateCommand(['certs', ...args, '--config', config]);
  const rows = async (...args: readonly string[]): Promise<Record<string, unknown>[]> => {
    const { status, stdout, stderr } = await certs(...args, '--json');
    if (status !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Record<string, unknown>[];
  };

  const proxy = linkgate(t, ['run', '--config', config]);
  for (const name of [one, two]) {
    await proxy.line((line) => line.message === 'certificate issued' && line['domain'] === name);
  }
  const port = await proxy.port('https');
  const admin = await proxy.port('admin');
  const root = localRoot(storage);
  const isServed = (name: string, serial: unknown, ca = root) =>
    until(
      `${name} is served with ${String(serial)}`,
      async () => (await seen(port, name, ca)).serialNumber.toLowerCase() === serial,
    );

  const listed = await rows('list');
  t.match(listed, [
    { domain: one, state: 'live', source: 'local', issuer: 'local', lastProblem: null },
    { domain: two, state: 'live' },
  ]);
  await isServed(one, listed[0]?.['serial']);

  const [renewed] = await rows('renew', one, '--force');
  t.not(renewed?.['serial'], listed[0]?.['serial']);
  await isServed(one, renewed?.['serial']);
  t.match(
    await rows('renew'),
    [{ serial: renewed?.['serial'] }, { serial: listed[1]?.['serial'] }],
    'nothing is due',
  );
  const details = JSON.parse((await certs('show', one, '--json')).stdout) as object;
  t.match(details, { names: [one], versions: [listed[0]?.['serial']], renewalWindow: null });

  const pki = createPki();
  const leaf = pki.leaf([two]);
  const [cert, key] = [join(folder, 'chain.pem'), join(folder, 'key.pem')];
  writeFileSync(cert, leaf.chainPem);
  writeFileSync(key, leaf.keyPem, { mode: 0o600 });
  const [imported] = await rows('import', two, '--cert', cert, '--key', key);
  t.match(imported, { domain: two, state: 'live', source: 'import', issuer: 'import', nextAttempt: null });
  await isServed(two, imported?.['serial'], pki.rootPem);
  const status = await until('the status shows it', async () => {
    const text = await (await fetch(`http://127.0.0.1:${admin}/api/status`)).text();
    return text.includes('"import"') ? text : undefined;
  });
  t.ok(status.includes(String(imported?.['serial'])));
  t.match(await certs('renew', two, '--force'), { status: 1, stderr: /was imported: import its renewal/ });
  t.match(await certs('issue', two), { status: 1, stderr: /was imported: --force replaces it/ });

  const wrong = join(folder, 'wrong.pem');
  writeFileSync(wrong, createPki().leaf([one]).chainPem);
  t.match(await certs('import', 'nobody.example.com', '--cert', cert, '--key', key), {
    status: 1,
    stderr: /domain "nobody\.example\.com" is not configured/,
  });
  t.match(await certs('import', one, '--cert', cert, '--key', key), {
    status: 1,
    stderr: /is for other names/,
  });

  const [pfxOut, password] = [join(folder, 'out'), join(folder, 'password')];
  mkdirSync(pfxOut);
  writeFileSync(password, 'correct horse\n', { mode: 0o600 });
  t.match(await certs('export', one, '--out', pfxOut, '--pfx', '--password-file', password), { status: 0 });
  t.match(await certs('export', one, '--out', pfxOut), {
    status: 0,
    stdout: `${join(pfxOut, `${one}.pem`)}\n`,
  });
  t.equal(statSync(join(pfxOut, `${one}.pem`)).mode & 0o777, 0o600);
  t.match(await certs('export', one, '--out', pfxOut, '--pfx'), { status: 64, stderr: /--password-file/ });
  t.match(await certs('export', '--ca', '--out', join(folder, 'ca.pem')), { status: 0 });
  const ca = readFileSync(join(folder, 'ca.pem'), 'utf8');
  t.equal(ca.trim(), root.trim());
  t.notMatch(ca, 'PRIVATE');
  t.match(
    await rows('import', one, '--pfx', join(pfxOut, `${one}.pfx`), '--password-file', password).catch(String),
    /lacks an intermediate/,
  );
  writeFileSync(join(pfxOut, `${one}.pem`), readFileSync(join(pfxOut, `${one}.pem`), 'utf8') + ca);
  writeFileSync(join(pfxOut, `${two}.pem`), 'nothing');
  const folderImport = await certs('import', '--dir', pfxOut);
  t.match(folderImport, {
    status: 1,
    stdout: /links\.example\.com +live +import/,
    stderr: /clicks\.example\.com\.pem: .*no private key/,
  });

  const [back] = await rows('issue', two, '--force');
  t.match(back, { source: 'local', state: 'live' });
  await isServed(two, back?.['serial']);
  t.match(await certs('revoke', two), { status: 1, stderr: /cannot be revoked from here/ });
  t.match(await certs('revoke', two, '--reason', 'boredom'), { status: 64 });

  proxy.process.kill('SIGTERM');
  t.equal(await proxy.ended, 0);
  t.match(await rows('list'), [{ source: 'import' }, { source: 'local' }], 'without a proxy too');
  const table = (await certs('list')).stdout;
  t.match(
    table,
    /^DOMAIN +STATE +SOURCE +ISSUER +EXPIRES +NEXT ATTEMPT\nlinks\.example\.com +live +import +import +20\d\d-/,
  );
  t.comment(table);
});

t.test('list needs neither network nor storage of its own', async (t) => {
  const folder = tempDir(t);
  const config = writeConfig(folder, {
    certificates: {
      storage: { type: 'file', path: join(folder, 'none') },
      issuers: [{ type: 'acme', directory: 'https://127.0.0.1:1/directory' }],
    },
    domains: [{ name: one }],
  });
  t.match(await linkgateCommand(['certs', 'list', '--config', config]), {
    status: 69,
    stderr: /storage ".*none" cannot be read: ENOENT/,
  });
  mkdirSync(join(folder, 'none'), { mode: 0o700 });
  t.match(await linkgateCommand(['certs', 'list', '--json', '--config', config]), {
    status: 0,
    stdout: /"state": "pending"/,
  });
  t.match(await linkgateCommand(['certs', 'show', one, '--config', config]), {
    status: 0,
    stdout: /state +pending/,
  });
  t.match(await linkgateCommand(['certs', 'export', one, '--out', folder, '--config', config]), {
    status: 1,
    stderr: /name "links\.example\.com" has no certificate/,
  });
});
