import t from 'tap';
import { logLevelOf } from '../../src/app/log-level.ts';

t.test('the environment wins over the configuration, and info is the default', async (t) => {
  const log = { clicks: 'none', sampleEvery: 100 } as const;
  t.equal(logLevelOf({ log }, undefined), 'info');
  t.equal(logLevelOf({ log: { ...log, level: 'warn' } }, undefined), 'warn');
  t.equal(logLevelOf({ log: { ...log, level: 'warn' } }, ''), 'warn');
  t.equal(logLevelOf({ log: { ...log, level: 'warn' } }, 'debug'), 'debug');
});
