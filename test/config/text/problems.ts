import t from 'tap';
import { configError, formatPath, formatProblem, quote } from '../../../src/config/text/problems.ts';
import type { ConfigProblem } from '../../../src/core/error-details.ts';

t.test('a path reads as people write it', async (t) => {
  t.equal(formatPath([]), '');
  t.equal(formatPath(['domains', 1, 'region']), 'domains[1].region');
  t.equal(formatPath(['listen', 'a b']), 'listen["a b"]');
  t.equal(formatPath(['__proto__']), '["__proto__"]');
});

t.test('a value is shown short and by its kind', async (t) => {
  t.equal(quote('uk'), '"uk"');
  t.equal(quote('a\nb'), '"a\\nb"', 'one line');
  t.equal(quote('x'.repeat(500)).length, 82);
  t.equal(quote(null), 'nothing');
  t.equal(quote([1]), 'a list');
  t.equal(quote({}), 'a mapping');
  t.equal(quote(3), '3');
});

const problem = (file: string, line: number, column: number, path = 'p'): ConfigProblem => ({
  file,
  line,
  column,
  path,
  message: 'is wrong',
});

t.test('the error lists every problem in the order of the file', async (t) => {
  const error = configError('z.yaml', [
    problem('a.txt', 1, 1),
    problem('z.yaml', 9, 1),
    problem('z.yaml', 2, 7, ''),
    problem('z.yaml', 2, 3),
  ]);
  t.equal(error.code, 'ERR_CONFIG_INVALID');
  t.equal(
    error.message,
    'configuration has 4 problems:\n  z.yaml:2:3 p: is wrong\n  z.yaml:2:7 is wrong\n  z.yaml:9:1 p: is wrong\n  a.txt:1:1 p: is wrong',
  );
  t.match(error.details, { file: 'z.yaml', problems: { length: 4 } });
  t.match(configError('z.yaml', [problem('z.yaml', 1, 1)]).message, /has 1 problem:/);
});

t.test('a message stays readable with very many problems, the details hold all', async (t) => {
  const many = Array.from({ length: 1500 }, (_, index) => problem('z.yaml', index + 1, 1));
  const error = configError('z.yaml', many);
  t.equal(error.message.split('\n').length, 1002);
  t.match(error.message, /… and 500 more$/);
  t.match(error.details, { problems: { length: 1500 } });
});

t.equal(
  formatProblem({ file: 'linkgate.yaml', line: 12, column: 5, path: 'domains[1].region', message: 'no' }),
  'linkgate.yaml:12:5 domains[1].region: no',
);
