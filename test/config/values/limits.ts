import { readFileSync } from 'node:fs';
import t from 'tap';
import { limitsOf, limitsTree } from '../../../src/config/values/limits.ts';
import { configSchema } from '../../../src/config/schema/schema.ts';
import { DEFAULT_LIMITS } from '../../../src/serve/limits.ts';

const written = limitsTree(DEFAULT_LIMITS);

const pick = (keys: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(DEFAULT_LIMITS).filter(([key]) => keys.includes(key)));

t.test('every limit has a key, both ways', async (t) => {
  t.strictSame(Object.keys(written), Object.keys(configSchema.shape.limits.unwrap().shape));
  t.strictSame(limitsOf(written), { limits: pick(Object.keys(limitsOf(written).limits ?? {})) });
  t.strictSame(limitsOf({}), {}, 'nothing written, nothing changed');
  t.strictSame(configSchema.shape.limits.parse(written), written, 'the defaults may be written out');
});

t.test('docs/configuration.md tells the defaults', async (t) => {
  const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  for (const [key, value] of Object.entries(written)) {
    t.match(page, new RegExp(`\\| \`limits\\.${key}\` +\\| \`${value}\` +\\|`), key);
  }
});
