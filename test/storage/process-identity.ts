import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { isGone, processIdentity } from '../../src/storage/process-identity.ts';

const sleeper = () => spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });

t.test('this process is not gone', async (t) => {
  const self = await processIdentity();
  t.equal(self.pid, process.pid);
  t.equal(await isGone(self, self), false);
});

t.test('a process is gone once it was killed', async (t) => {
  const self = await processIdentity();
  const child = sleeper();
  const pid = child.pid ?? 0;
  await once(child, 'spawn');
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const owner = { ...self, pid, startedAt: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '' };
  t.equal(await isGone(owner, self), false);
  t.equal(await isGone({ ...owner, startedAt: '1' }, self), true, 'another process came to the same pid');
  child.kill('SIGKILL');
  await once(child, 'exit');
  t.equal(await isGone(owner, self), true);
});

t.test('nothing is said of processes elsewhere', async (t) => {
  const self = await processIdentity();
  for (const machine of ['boot 00000000-0000-0000-0000-000000000000 pid:[1]', 'host elsewhere']) {
    t.equal(await isGone({ ...self, machine, pid: 2 ** 22 + 1 }, self), false);
  }
});
