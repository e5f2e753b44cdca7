// Commands that root runs next to a service of another user: what they write belongs to the service, which serves on after
// its next start.

import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { encodePkcs12 } from '../../../src/cert/import/pkcs12.ts';
import { NOBODY } from '../../helpers/linkgate.ts';
import { executable, linkgateCommand, type CommandResult } from '../../helpers/linkgate-command.ts';
import { localRoot } from '../../helpers/local-root.ts';
import { needsRoot } from '../../helpers/needs.ts';
import { createPki } from '../../helpers/pki.ts';
import { foreignFiles, servedSerial, serviceOfNobody, stopped } from '../../helpers/service-of-nobody.ts';
import { tempDir } from '../../helpers/temp-dir.ts';
import { until } from '../../helpers/until.ts';

const [one, two, three, gone] = [
  'links.example.com',
  'clicks.example.com',
  'go.example.com',
  'old.example.com',
] as const;

t.test('each command that writes leaves files of the service', { skip: needsRoot() }, async (t) => {
  const names = [one, two, three, gone];
  const { folder, storage, config, start } = serviceOfNobody(t, {
    domains: names.map((name) => ({ name })),
  });
  const secrets = join(folder, 'of-root');
  mkdirSync(secrets, { mode: 0o700 });
  const secret = (name: string, text: string): string => {
    writeFileSync(join(secrets, name), text, { mode: 0o600 });
    return join(secrets, name);
  };
  const service = await start();
  for (const name of names) {
    await service.line((line) => line.message === 'certificate issued' && line['domain'] === name);
  }
  const port = await service.port('https');
  const root = localRoot(storage);
  const pki = createPki();
  const leaf = pki.leaf([two]);
  const password = secret('password', 'correct horse battery\n');

  /** As root, to its good end; then everything is still the service's. */
  const asRoot = async (...args: readonly string[]): Promise<CommandResult> => {
    const result = await linkgateCommand([...args, '--config', config], { cwd: secrets });
    t.match(result, { status: 0 }, `${args.join(' ')}: ${result.stderr}`);
    t.strictSame(foreignFiles(storage), [], args.join(' '));
    return result;
  };
  const serialIn = ({ stdout }: CommandResult): string =>
    (JSON.parse(stdout) as { serial: string }[])[0]?.serial ?? '';
  const isServed = (name: string, serial: string, ca: string): Promise<boolean> =>
    until(`${name} is served with ${serial}`, async () => (await servedSerial(port, name, ca)) === serial);

  const renewed = serialIn(await asRoot('certs', 'renew', one, '--force', '--json'));
  await isServed(one, renewed, root);
  const key = secret('key.pem', leaf.keyPem);
  const chain = secret('chain.pem', leaf.chainPem);
  const imported = serialIn(await asRoot('certs', 'import', two, '--cert', chain, '--key', key, '--json'));
  await isServed(two, imported, pki.rootPem);
  const issued = serialIn(await asRoot('certs', 'issue', three, '--force', '--json'));
  await isServed(three, issued, root);
  await asRoot('certs', 'export', two, '--out', '.');
  t.equal(statSync(join(secrets, `${two}.pem`)).uid, 0, 'what root asked for is root’s');
  await asRoot('certs', 'export', two, '--out', '.', '--pfx', '--password-file', password);
  writeFileSync(join(secrets, 'given.pfx'), encodePkcs12(leaf, 'correct horse battery', two), {
    mode: 0o600,
  });
  await asRoot('certs', 'import', two, '--pfx', 'given.pfx', '--password-file', 'password');
  const dir = join(secrets, 'dir');
  mkdirSync(dir, { mode: 0o700 });
  writeFileSync(join(dir, `${two}.pem`), leaf.keyPem + leaf.chainPem, { mode: 0o600 });
  await asRoot('certs', 'import', '--dir', 'dir');
  await asRoot('certs', 'export', '--ca', '--out', 'ca.pem');
  t.equal(readFileSync(join(secrets, 'ca.pem'), 'utf8').trim(), root.trim());
  await asRoot('storage', 'export', 'all.age', '--password-file', 'password');
  await asRoot('storage', 'import', 'all.age', '--password-file', 'password', '--force');
  writeFileSync(
    config,
    readFileSync(config, 'utf8').replace('certificates:\n', 'certificates:\n  keepServing: true\n'),
  );
  await asRoot('retire', gone, '--now');
  t.ok(existsSync(join(storage, 'archive', gone)));

  await stopped(service);
  const again = await start();
  const port2 = await again.port('https');
  for (const [name, ca, serial] of [
    [one, root, renewed],
    [two, pki.rootPem, imported],
    [three, root, issued],
  ] as const) {
    t.equal(await servedSerial(port2, name, ca), serial, name);
  }
  t.strictSame(
    again.log.filter(({ level }) => level === 'error'),
    [],
  );
  await stopped(again);
});

t.test(
  'a storage below a folder of root alone, where dynamic users keep theirs',
  { skip: needsRoot() },
  async (t) => {
    const { folder, storage, config, start } = serviceOfNobody(
      t,
      { domains: [{ name: one }] },
      'private/state',
    );
    const closed = join(folder, 'private');
    chmodSync(closed, 0o700);
    symlinkSync('private/state', join(folder, 'state'));
    mkdirSync(join(folder, 'kept'));
    writeFileSync(config, readFileSync(config, 'utf8').replace(storage, join(folder, 'state')));
    // as systemd does it: the service alone sees its own
    const mounts = [
      `mount --bind ${storage} ${folder}/kept`,
      `mount -t tmpfs -o mode=0755 none ${closed}`,
      `mkdir ${storage}`,
      `mount --move ${folder}/kept ${storage}`,
    ];
    const service = await start(mounts);
    await service.line(({ message }) => message === 'certificate issued');
    const port = await service.port('https');
    const result = await linkgateCommand(['certs', 'renew', one, '--force', '--json', '--config', config]);
    t.match(result, { status: 0 }, result.stderr);
    t.strictSame(foreignFiles(storage), []);
    const [{ serial = '' } = {}] = JSON.parse(result.stdout) as { serial?: string }[];
    const ca = localRoot(storage);
    await until('it is served', async () => (await servedSerial(port, one, ca)) === serial);
    await stopped(service);
  },
);

t.test(
  'a storage that is not there yet belongs to whom the folder above belongs',
  { skip: needsRoot() },
  async (t) => {
    const { storage, config, start } = serviceOfNobody(t, { domains: [{ name: one }] });
    const below = join(storage, 'a', 'b');
    writeFileSync(config, readFileSync(config, 'utf8').replace(storage, below));
    const result = await linkgateCommand(['certs', 'issue', one, '--config', config]);
    t.match(result, { status: 0 }, result.stderr);
    t.strictSame(foreignFiles(storage), []);
    const service = await start();
    await servedSerial(await service.port('https'), one, localRoot(below));
    await stopped(service);

    const own = tempDir(t);
    writeFileSync(config, readFileSync(config, 'utf8').replace(below, join(own, 'new')));
    t.match(await linkgateCommand(['certs', 'issue', one, '--config', config]), { status: 0 });
    t.equal(lstatSync(join(own, 'new')).uid, 0, 'root’s own stays root’s');
  },
);

t.test('what root cannot do is said, and nothing is written', { skip: needsRoot() }, async (t) => {
  const { storage, config } = serviceOfNobody(t, { domains: [{ name: one }] });
  const plain = spawnSync(
    'setpriv',
    [
      '--bounding-set=-setuid,-setgid',
      process.execPath,
      executable,
      'certs',
      'issue',
      one,
      '--config',
      config,
    ],
    { encoding: 'utf8', env: { PATH: process.env['PATH'] ?? '' } },
  );
  t.match(plain, {
    status: 78,
    stderr: `linkgate: storage "${storage}" belongs to user ${NOBODY}, as whom this process may not act: EPERM\nERR_STORAGE_FOREIGN: `,
  });
  t.match(await linkgateCommand(['run', '--config', config]), {
    status: 78,
    stderr: `linkgate: storage "${storage}" belongs to user ${NOBODY}, who could not read what root writes there\nERR_STORAGE_FOREIGN: `,
  });
  t.strictSame(foreignFiles(storage), []);
  t.strictSame(lstatSync(storage).nlink, 2, 'no folder was made');
});
