import { spawnSync } from 'node:child_process';
import t from 'tap';
import { FLAG, workerArgs } from '../../../src/app/worker/worker-heap.ts';

t.test('this Node’s V8 knows the flag, also when it runs already', (t) => {
  const code = `require('node:v8').setFlagsFromString(${JSON.stringify(FLAG)})`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' });
  t.match({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
  const unknown = spawnSync(process.execPath, ['-e', code.replace('pretenuring', 'x')], { encoding: 'utf8' });
  t.match(unknown.stderr, 'unrecognized', 'one that is not known would have been told');
  t.end();
});

t.test('the options of the supervisor for its heap win', (t) => {
  const ours = workerArgs([]);
  t.equal(ours.length, 1);
  t.same(
    workerArgs(['--max-semi-space-size=64']),
    [...ours, '--max-semi-space-size=64'],
    'the last one counts',
  );
  t.same(
    workerArgs(['--x'], '--max-semi-space-size=64'),
    ['--x'],
    'NODE_OPTIONS would else count for nothing',
  );
  const code = 'process.stdout.write(String(require("node:v8").getHeapStatistics().heap_size_limit))';
  const { status, stderr } = spawnSync(process.execPath, [...ours, '-e', code], { encoding: 'utf8' });
  t.match({ status, stderr }, { status: 0, stderr: '' });
  t.end();
});
