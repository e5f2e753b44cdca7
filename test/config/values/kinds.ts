import t from 'tap';
import { z } from 'zod';
import {
  boolean,
  duration,
  expected,
  list,
  mapping,
  oneOf,
  path,
  size,
  wholeNumber,
} from '../../../src/config/values/kinds.ts';

const message = (schema: z.ZodType, value: unknown): string | undefined =>
  schema.safeParse(value).error?.issues[0]?.message;

t.test('each kind says what it takes', async (t) => {
  for (const [schema, good, bad, said] of [
    [boolean(), true, 'yes', 'must be true or false, not "yes"'],
    [size(), '16KiB', '16', 'must be a size from 1KiB to 64MiB such as 16KiB or 1MiB, not "16"'],
    [size(), '64MiB', '65MiB', 'must be a size from 1KiB to 64MiB such as 16KiB or 1MiB, not "65MiB"'],
    [duration(), '5s', '2h', 'must be a duration from 1ms to 1h such as 250ms, 5s or 2m, not "2h"'],
    [wholeNumber(1, 3), 3, 4, 'must be a whole number from 1 to 3, not 4'],
    [oneOf(['a', 'b']), 'a', 'c', 'must be a or b, not "c"'],
    [path(), 'x', '', 'must be a path, not ""'],
    [list(z.any()), [], 'x', 'must be a list, not "x"'],
    [mapping({ a: z.string() }), { a: 'x' }, [], 'must be a mapping, not a list'],
    [mapping({ colour: z.any().optional() }), {}, { color: 1 }, 'unknown key; did you mean colour?'],
  ] as const) {
    t.equal(message(schema, good), undefined, JSON.stringify(good));
    t.equal(message(schema, bad), said);
  }
});

t.test('what is missing or empty', async (t) => {
  t.equal(expected('x')({}), 'is missing');
  t.equal(expected('x')({ input: null }), 'is empty: give it a value or leave the key out');
});
