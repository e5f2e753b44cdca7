import t from 'tap';
import { PRELOADED } from '../../src/doctor/preloaded.ts';

t.test('top-level domains, each once and in lower case', async (t) => {
  for (const name of PRELOADED) t.match(name, /^[a-z]+$/);
  for (const name of ['app', 'dev', 'page', 'zip']) t.ok(PRELOADED.has(name), name);
  for (const name of ['com', 'eu', 'io']) t.notOk(PRELOADED.has(name), name);
});
