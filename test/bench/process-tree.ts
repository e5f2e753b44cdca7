import { spawn } from 'node:child_process';
import t from 'tap';
import {
  cpuMsOf,
  descriptorsOf,
  parseCoreBusy,
  parsePss,
  parseStat,
  pidsOf,
  pssOf,
  treeOf,
} from '../../bench/process-tree.ts';
import { until } from '../helpers/until.ts';

const statLine = (pid: number, name: string, parent: number, times: readonly number[]): string =>
  `${pid} (${name}) S ${parent} 1 1 0 -1 4194560 100 200 0 0 ${times.join(' ')} 20 0 1 0 12345 1000 50`;

t.test('a line of /proc/PID/stat', async (t) => {
  t.strictSame(parseStat(statLine(42, 'node', 7, [100, 20, 3, 4])), {
    pid: 42,
    parentPid: 7,
    cpuMs: 1_270,
  });
  t.match(parseStat(statLine(42, 'a) S 9 (b', 7, [1, 1, 0, 0])), { pid: 42, parentPid: 7, cpuMs: 20 });
  for (const text of ['', 'nonsense', '42 (node) S 1']) t.equal(parseStat(text), undefined, text);
});

t.test('PSS of a roll-up', async (t) => {
  t.equal(parsePss('Rss:  9 kB\nPss:                1234 kB\nPss_Dirty:  99 kB\n'), 1_263_616);
  t.equal(parsePss('Rss: 9 kB\n'), undefined);
});

t.test('busy time of a core', async (t) => {
  const text = 'cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 10 1 20 500 70 2 3 4 5 0\ncpu1 1 0 0 9 0 0 0 0 0 0\n';
  t.equal(parseCoreBusy(text, 0), 400, 'without idle and iowait, with steal');
  t.equal(parseCoreBusy(text, 1), 10);
  t.equal(parseCoreBusy(text, 2), undefined);
});

t.test('a tree is the root and all below it, in any order', async (t) => {
  const process = (pid: number, parentPid: number) => ({ pid, parentPid, cpuMs: 1 });
  const all = [process(5, 4), process(4, 2), process(2, 1), process(3, 1), process(6, 3)];
  t.strictSame(
    treeOf(2, all).map(({ pid }) => pid),
    [5, 4, 2],
  );
  t.strictSame(treeOf(9, all), []);
});

// the bench is for Linux
if (process.platform === 'linux') {
  t.test('a real tree: its CPU time, memory and descriptors', async (t) => {
    const spin = 'while (process.cpuUsage().user < 300_000);';
    const child = spawn('sh', ['-c', `"${process.execPath}" -e '${spin}'; sleep 60 & wait`], {
      stdio: 'ignore',
    });
    const pid = child.pid ?? -1;
    t.teardown(() => {
      for (const one of pidsOf(pid)) process.kill(one, 'SIGKILL');
    });
    await until('the time of a child that has ended counts', () => cpuMsOf(pid) >= 250, 60_000);
    await until('two processes are there', () => pidsOf(pid).length === 2);
    t.ok(pssOf(pid) > 100_000);
    t.ok(descriptorsOf(pid) >= 3);
  });
}
