import { spawnSync } from 'node:child_process';
import t from 'tap';
import { FLAG } from '../../src/app/gate-heap.ts';

t.test('this Node’s V8 knows the flag, also when it runs already', (t) => {
  const code = `require('node:v8').setFlagsFromString(${JSON.stringify(FLAG)})`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' });
  t.match({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' });
  const unknown = spawnSync(process.execPath, ['-e', code.replace('pretenuring', 'x')], { encoding: 'utf8' });
  t.match(unknown.stderr, 'unrecognized', 'one that is not known would have been told');
  t.end();
});
