import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { checkAdmin, readTokenFile } from '../../../src/config/checks/admin-checks.ts';
import { valueAt } from '../../../src/config/checks/checks.ts';
import { formatPath } from '../../../src/config/text/problems.ts';
import { configFiles, SAMPLE_CA_PEM } from '../../helpers/config-files.ts';
import { createPki } from '../../helpers/pki.ts';

const OPEN =
  'listen.admin: is open to other machines: give admin.tokenFile, or admin.tls with a clientCaFile';

const pki = createPki();
const leaf = pki.leaf(['proxy.internal']);
const [server, client] = [leaf.chainPem, pki.leaf([], undefined, 'clientAuth').chainPem];

const folderWithFiles = (t: Test): string => {
  const { folder, write } = configFiles(t);
  const secret = (name: string, content: string, mode = 0o600): void => chmodSync(write(name, content), mode);
  secret('token', '0123456789abcdef\n');
  secret('short', '0123456789abcde\n');
  secret('words', 'two words are no token at all');
  secret('everybodys', '0123456789abcdef', 0o644);
  secret('groups', '0123456789abcdef', 0o640);
  secret('group-writes', '0123456789abcdef', 0o660);
  secret('key.pem', leaf.keyPem);
  secret('everybodys-key.pem', leaf.keyPem, 0o604);
  write('cert.pem', server);
  write('client.pem', client);
  write('ca.pem', pki.rootPem);
  write('other.pem', SAMPLE_CA_PEM);
  return folder;
};

const check = async (t: Test, tree: unknown, folder = folderWithFiles(t)): Promise<string[]> => {
  const said: string[] = [];
  await checkAdmin({
    valueAt: (path) => valueAt(tree, path),
    directory: folder,
    report: (path, message) => said.push(`${formatPath(path)}: ${message.replaceAll(folder, '')}`),
  });
  return said;
};

t.test('a port that other machines reach asks who they are', async (t) => {
  const tls = { certFile: 'cert.pem', keyFile: 'key.pem' };
  for (const admin of ['0.0.0.0:9464', ':9464', '[::]:1', '10.0.0.1:1']) {
    t.strictSame(await check(t, { listen: { admin } }), [OPEN], admin);
    t.strictSame(await check(t, { listen: { admin }, admin: { metrics: 'open' } }), [OPEN], admin);
    t.strictSame(
      await check(t, { listen: { admin }, admin: { tls } }),
      [OPEN],
      'TLS alone lets everybody in',
    );
    t.strictSame(await check(t, { listen: { admin }, admin: { tokenFile: 'token' } }), [], admin);
    const mutual = { ...tls, clientCaFile: 'ca.pem' };
    t.strictSame(await check(t, { listen: { admin }, admin: { tls: mutual } }), [], admin);
  }
  for (const admin of ['127.0.0.1:9464', '127.9.9.9:1', '[::1]:1', 'fd:admin', 'rubbish', 7, undefined]) {
    t.strictSame(await check(t, { listen: { admin } }), [], String(admin));
  }
});

t.test('a token is a word of 16 bytes and more that not everybody reads', async (t) => {
  const said = (tokenFile: unknown): Promise<string[]> => check(t, { admin: { tokenFile } });
  t.strictSame(await said('token'), []);
  t.strictSame(await said('groups'), [], 'the group may be the service');
  t.strictSame(await said('short'), [
    'admin.tokenFile: "/short" holds less than 16 bytes: openssl rand -hex 32',
  ]);
  t.strictSame(await said('words'), [
    'admin.tokenFile: "/words" holds more than one word of letters, digits and -._~+/=',
  ]);
  t.strictSame(await said('everybodys'), [
    'admin.tokenFile: "/everybodys" has mode 0644, open to others: chmod 0640 or less',
  ]);
  t.match(await said('group-writes'), [/has mode 0660/]);
  t.match(await said('missing'), [/"\/missing" does not exist/]);
  t.match(await said('.'), [/is a folder/]);
  for (const odd of [7, null, '', []]) t.strictSame(await said(odd), [], 'what the schema tells');
  const read = await readTokenFile(join(folderWithFiles(t), 'token'));
  t.strictSame(read, { text: '0123456789abcdef' }, 'without the line end');
});

t.test('certificates and keys belong together', async (t) => {
  const said = (tls: object): Promise<string[]> => check(t, { admin: { tls } });
  const good = { certFile: 'cert.pem', keyFile: 'key.pem' };
  t.strictSame(await said(good), []);
  t.strictSame(await said({ ...good, clientCertFile: 'client.pem', clientKeyFile: 'key.pem' }), []);
  t.strictSame(await said({ ...good, keyFile: 'everybodys-key.pem' }), [
    'admin.tls.keyFile: "/everybodys-key.pem" has mode 0604, open to others: chmod 0640 or less',
  ]);
  t.strictSame(await said({ ...good, certFile: 'other.pem' }), [
    'admin.tls.keyFile: "/key.pem" is not the key of the certificate',
  ]);
  t.strictSame(await said({ ...good, keyFile: 'token' }), [
    'admin.tls.keyFile: "/token" holds no private key in PEM without a password',
  ]);
  t.strictSame(await said({ ...good, certFile: 'client.pem' }), [
    'admin.tls.certFile: "/client.pem" names no host (subjectAltName)',
  ]);
  t.match(await said({ ...good, clientCaFile: 'token' }), [/clientCaFile: .* holds no PEM certificate/]);
  t.strictSame(await said({ ...good, clientCertFile: 'client.pem' }), [
    'admin.tls.clientCertFile: needs clientKeyFile, which is missing',
  ]);
  t.strictSame(await said({ ...good, clientKeyFile: 'key.pem' }), [
    'admin.tls.clientKeyFile: needs clientCertFile, which is missing',
  ]);
});
