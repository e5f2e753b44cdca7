import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { LinkgateError } from '../../../src/core/errors.ts';
import { createLogger, type Logger } from '../../../src/observe/logs/logger.ts';

type Line = Readonly<Record<string, unknown>>;

const capture = (level?: string): { logger: Logger; lines: () => Line[] } => {
  const lines: Line[] = [];
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
  return { logger: createLogger({ role: 'worker', level, destination }), lines: () => lines };
};

t.test('a line says when, who, how bad and what', async (t) => {
  const { logger, lines } = capture();
  logger.info('program.started', { domain: 'a.example' }, 'hello');
  logger.debug('program.started', {}, 'not at this level');
  const [line, ...more] = lines();
  t.match(line, {
    level: 'info',
    event: 'program.started',
    role: 'worker',
    pid: process.pid,
    domain: 'a.example',
    message: 'hello',
  });
  t.match(line?.['time'], /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  t.strictSame(more, []);
});

t.test('the level is chosen by name; one that is unknown is told', async (t) => {
  const debug = capture('debug');
  debug.logger.debug('program.started', {}, 'x');
  t.equal(debug.lines().length, 1);
  debug.logger.setLevel('warn');
  debug.logger.info('program.started', {}, 'x');
  debug.logger.setLevel('loud');
  debug.logger.warn('program.started', {}, 'y');
  t.match(
    debug.lines().slice(1),
    [{ level: 'warn', message: 'y' }],
    'it can be changed, to a level that is one',
  );
  const silent = capture('silent');
  silent.logger.error('program.started', {}, 'x');
  t.equal(silent.lines().length, 0);
  const wrong = capture('loud');
  wrong.logger.debug('program.started', {}, 'x');
  t.match(wrong.lines(), [{ level: 'warn', event: 'level.refused', unknown: 'loud', levels: ['trace'] }]);
  t.equal(wrong.lines().length, 1);
  t.equal(capture('').lines().length, 0);
});

t.test('an error is written with its code, its help and why', async (t) => {
  const { logger, lines } = capture();
  const cause = new Error('EACCES', { cause: new Error('deeper') });
  logger.error(
    'program.started',
    { error: new LinkgateError('ERR_STORAGE_UNAVAILABLE', 'storage is gone', { cause }) },
    'x',
  );
  logger.error('program.started', { error: new TypeError('bug') }, 'x');
  logger.error('program.started', { error: 'text' }, 'x');
  const loop = new Error('loop');
  loop.cause = loop;
  logger.error('program.started', { error: loop }, 'x');
  const [known, bug, text, circle] = lines();
  t.match(known?.['error'], {
    code: 'ERR_STORAGE_UNAVAILABLE',
    message: 'storage is gone',
    help: /writable/,
    causes: ['EACCES', 'deeper'],
    stack: undefined,
  });
  t.match(bug?.['error'], { message: 'bug', stack: /TypeError: bug/ });
  t.match(text?.['error'], { message: 'text' });
  t.match(circle?.['error'], { causes: { length: 5 } });
});

t.test('whether a level is written can be asked', async (t) => {
  const { logger } = capture('warn');
  t.strictSame([logger.writes('info'), logger.writes('warn')], [false, true]);
});

t.test('writes to a file, in either format, from one line to the next', async (t) => {
  const file = join(t.testdir(), 'log');
  const logger = createLogger({ role: 'supervisor', target: { file } });
  logger.info('program.started', { password: 'x' }, 'on disk');
  logger.flush();
  logger.setTarget({ file, format: 'pretty' });
  logger.info('program.stopped', {}, 'for eyes');
  logger.flush();
  const [json = '', pretty] = readFileSync(file, 'utf8').split('\n');
  t.match(JSON.parse(json), { role: 'supervisor', event: 'program.started', password: '[hidden]' });
  t.match(pretty, / info {2}supervisor\[\d+\] for eyes program\.stopped$/);
  t.equal(statSync(file).mode & 0o777, 0o640);
  logger.setTarget({});
});
