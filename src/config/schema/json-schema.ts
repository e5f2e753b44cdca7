// The schema as JSON Schema for editors and other tools: config/schema.json, written by `npm run schema`.

import { z } from 'zod';
import { configSchema } from './schema.ts';

/** JSON Schema (draft 2020-12) of the configuration file as people write it: nothing with a default is required. */
export const jsonSchema = (): Record<string, unknown> => {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, { io: 'input' });
  return {
    $schema,
    title: 'linkgate configuration',
    description: 'Values are checked further by `linkgate check`.',
    ...schema,
  };
};

/** The text of config/schema.json. */
export const jsonSchemaText = (): string => `${JSON.stringify(jsonSchema(), undefined, 2)}\n`;
