import { readFileSync } from 'node:fs';
import t from 'tap';
import { jsonSchema, jsonSchemaText } from '../../../src/config/schema/json-schema.ts';

t.test('config/schema.json is up to date', async (t) => {
  const stored = readFileSync(new URL('../../../config/schema.json', import.meta.url), 'utf8');
  t.equal(stored, jsonSchemaText(), 'run `npm run schema`');
});

t.test('an editor learns the keys, the words and the defaults from it', async (t) => {
  const schema = jsonSchema();
  t.match(schema, {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    additionalProperties: false,
    properties: {
      upstream: {
        additionalProperties: false,
        properties: { region: { enum: ['us', 'eu'], default: 'us' } },
      },
      workers: { default: 'auto' },
      domains: { items: { required: ['name'] } },
    },
  });
  t.equal(schema['required'], undefined, 'nothing with a default is required');
});
