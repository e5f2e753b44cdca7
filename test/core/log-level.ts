import t from 'tap';
import { isLogLevel, LOG_LEVELS } from '../../src/core/log-level.ts';

t.test('a level is one of the words, as they are written', async (t) => {
  for (const level of LOG_LEVELS) t.ok(isLogLevel(level), level);
  for (const text of ['', 'INFO', 'verbose', 'toString']) t.notOk(isLogLevel(text), text);
});
