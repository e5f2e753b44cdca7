import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startProcessLog } from '../../src/app/process-log.ts';
import { systemClock } from '../../src/core/platform/clock.ts';
import { tempDir } from '../helpers/temp-dir.ts';

const STOPPING = { timeoutMs: 1 } as const;

t.test('events become lines of the file, at the level and in the file of new settings', (t) => {
  const folder = tempDir(t);
  const [first, second] = [join(folder, 'first.log'), join(folder, 'second.log')];
  const usual = { clicks: 'none', sampleEvery: 100 } as const;
  const { bus, logger, configure, stop } = startProcessLog({
    role: 'supervisor',
    settings: { log: { ...usual, file: first } },
    clock: systemClock,
  });
  const events = (file: string): readonly unknown[] =>
    readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line && (JSON.parse(line) as { event: string }).event);
  bus.on('program.stopped', () => {
    throw new Error('a bug');
  });
  bus.emit('program.stopping', STOPPING);
  bus.emit('program.stopped', {});
  logger.flush();
  t.strictSame(
    events(first),
    ['program.stopping', 'program.stopped', 'part.failed'],
    'a listener that fails has a line too',
  );

  configure({ log: { ...usual, file: second, level: 'error' } });
  bus.emit('program.stopping', STOPPING);
  bus.emit('part.failed', { part: 'admin', error: new Error('a bug') });
  stop();
  t.strictSame(events(second), ['part.failed']);
  bus.emit('part.failed', { part: 'admin', error: new Error('a bug') });
  logger.flush();
  t.equal(events(second).length, 1, 'no lines after the end');
  t.end();
});

t.test('the level of the environment stays when the settings change', (t) => {
  const file = join(tempDir(t), 'a.log');
  const log = { clicks: 'none', sampleEvery: 100, file } as const;
  const { bus, configure, stop } = startProcessLog({
    role: 'worker',
    settings: { log },
    logLevel: 'error',
    clock: systemClock,
  });
  configure({ log: { ...log, level: 'info' } });
  bus.emit('program.stopping', STOPPING);
  stop();
  t.equal(readFileSync(file, 'utf8'), '');
  t.end();
});
