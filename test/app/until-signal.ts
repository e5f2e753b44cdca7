import { spawn } from 'node:child_process';
import t from 'tap';
import { until } from '../helpers/until.ts';

const PROGRAM = `
import { untilSignal } from ${JSON.stringify(new URL('../../dist/app/until-signal.js', import.meta.url).href)};
const stopping = untilSignal();
stopping.onAgain = () => { console.log('again'); process.exit(3); };
console.log('waits');
setInterval(() => {}, 1000);
await stopping.asked;
console.log('asked');
`;

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} once asks, twice insists`, async (t) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => child.kill('SIGKILL'));
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const ended = new Promise((resolve) => child.once('close', resolve));
    await until('it waits', () => text === 'waits\n');
    child.kill(signal);
    await until('it was asked', () => text === 'waits\nasked\n');
    child.kill(signal);
    t.equal(await ended, 3);
    t.equal(text, 'waits\nasked\nagain\n');
  });
}
