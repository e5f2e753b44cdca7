import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import t from 'tap';
import { checkRuntime, type MachineOptions } from '../../../src/doctor/checks/runtime.ts';
import { idsOf } from '../../helpers/examine.ts';
import { needsRoot } from '../../helpers/needs.ts';
import { tempDir } from '../../helpers/temp-dir.ts';

const options = (storagePath: string, change: Partial<MachineOptions> = {}): MachineOptions => ({
  storagePath,
  pid: 'self',
  nodeVersion: '26.13.1',
  skewMs: 0,
  signal: new AbortController().signal,
  ...change,
});

const ids = async (machine: MachineOptions) =>
  idsOf(await checkRuntime(machine)).filter((id) => id !== 'descriptors-few');

t.test('modes of the storage', async (t) => {
  const folder = tempDir(t);
  mkdirSync(join(folder, 'certificates'), { mode: 0o700 });
  const file = join(folder, 'certificates', 'a.pem');
  writeFileSync(file, '', { mode: 0o600 });
  t.notOk((await ids(options(folder))).includes('storage-modes'));
  chmodSync(file, 0o640);
  const found = (await checkRuntime(options(folder))).find(({ id }) => id === 'storage-modes');
  t.match(found, { level: 'red', evidence: [file] });
  chmodSync(file, 0o600);
  chmodSync(folder, 0o755);
  t.ok((await ids(options(folder))).includes('storage-modes'));
  t.notOk((await ids(options(join(folder, 'none')))).includes('storage-unreadable'), 'made by the first run');
  t.ok((await ids(options(file))).includes('storage-unreadable'), 'no folder');
});

t.test('the clock', async (t) => {
  const folder = tempDir(t);
  for (const [skewMs, bad] of [
    [59_000, false],
    [-61_000, true],
    [3_600_000, true],
    [undefined, false],
  ] as const)
    t.equal((await ids(options(folder, { skewMs }))).includes('clock-skewed'), bad, String(skewMs));
});

t.test('the security floor of Node', async (t) => {
  const folder = tempDir(t);
  for (const version of ['26.13.1', 'v24.22.3', '24.23.0', '28.0.0'])
    t.notOk((await ids(options(folder, { nodeVersion: version }))).includes('node-outdated'), version);
  for (const version of ['20.20.2', '22.23.0', '24.22.2', '26.12.9', '25.1.0'])
    t.ok((await ids(options(folder, { nodeVersion: version }))).includes('node-outdated'), version);
});

t.test('file descriptors of the process that serves', async (t) => {
  const child = spawn('sh', ['-c', 'ulimit -Sn 300; echo ready; exec sleep 60'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  const found = await checkRuntime(options(tempDir(t), { pid: child.pid ?? 0 }));
  t.match(
    found.find(({ id }) => id === 'descriptors-few'),
    { level: 'amber', what: `300 file descriptors for process ${child.pid}` },
  );
});

t.test('a disk that is nearly full', { skip: needsRoot() }, async (t) => {
  const folder = tempDir(t);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128m,mode=700', 'tmpfs', folder]);
  t.teardown(() => execFileSync('umount', [folder]));
  t.notOk((await ids(options(folder))).includes('disk-full'));
  writeFileSync(join(folder, 'ballast'), Buffer.alloc(80 * 1024 * 1024), { mode: 0o600 });
  const found = (await checkRuntime(options(folder))).find(({ id }) => id === 'disk-full');
  t.match(found, { level: 'red', what: /^4[78] MiB free where the storage is$/, remedy: /make room/ });
});
