// The kinds of values in a configuration, each with its own words for what is wrong.
// config/schema/schema.ts puts them together; nothing here knows a key.

import { z } from 'zod';
import { durationMs, sizeBytes } from '../../core/text/units.ts';
import { nearest } from '../../core/text/nearest.ts';
import { quote } from '../text/problems.ts';
import { addressProblem } from './listen-address.ts';

const EMPTY = 'is empty: give it a value or leave the key out';

export type RawIssue = z.core.$ZodRawIssue;

/** The message for a value of the wrong kind, in the words of `what`. */
export const expected =
  (what: string) =>
  ({ input }: { readonly input?: unknown }): string => {
    if (input === undefined) return 'is missing';
    return input === null ? EMPTY : `must be ${what}, not ${quote(input)}`;
  };

/** Text with a check of its own; `wrong` says what is wrong with it, or undefined. */
export const text = (what: string, wrong: (value: string) => string | undefined) =>
  z
    .string({ error: expected(what) })
    .superRefine((value, context) => {
      const message = wrong(value);
      if (message !== undefined) context.addIssue({ code: 'custom', message, input: value });
    })
    .meta({ description: what });

export const pattern = (what: string, valid: (value: string) => boolean) =>
  text(what, (value) => (valid(value) ? undefined : `must be ${what}, not ${quote(value)}`));

/** An address with a port; `valid` says whether it is one. */
export const address = (grammar: string, valid: (value: string) => boolean) =>
  text(grammar, (value) => (valid(value) ? undefined : addressProblem(grammar, value)));

export const oneOf = <const T extends readonly [string, ...string[]]>(words: T) =>
  z.enum(words, { error: expected(words.length === 1 ? words[0] : alternatives(words)) });

export const alternatives = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;

/** One line for each unknown key, in the order of `keys`, so that load.ts can give each its place. */
const unknownKeys = (keys: readonly string[], known: readonly string[]): string =>
  keys
    .map((key) => {
      const meant = nearest(key, known);
      return meant === undefined
        ? `unknown key; known here: ${known.join(', ')}`
        : `unknown key; did you mean ${meant}?`;
    })
    .join('\n');

export const mapping = <T extends z.ZodRawShape>(shape: T) =>
  z.strictObject(shape, {
    error: (issue: RawIssue) =>
      issue.code === 'unrecognized_keys'
        ? unknownKeys(issue.keys as readonly string[], Object.keys(shape))
        : expected('a mapping')(issue),
  });

export const list = <T extends z.ZodType>(item: T) => z.array(item, { error: expected('a list') });

export const wholeNumber = (least: number, most: number, or = '') => {
  const error = expected(`${or}a whole number from ${least} to ${most}`);
  return z.int({ error }).min(least, { error }).max(most, { error });
};

const LONGEST_WAIT_MS = 3_600_000;

export const duration = () =>
  pattern('a duration from 1ms to 1h such as 250ms, 5s or 2m', (value) => {
    const ms = durationMs(value);
    return ms !== undefined && ms >= 1 && ms <= LONGEST_WAIT_MS;
  });

export const path = (what = 'a path') =>
  text(what, (value) =>
    value === '' || value.includes('\0') ? `must be ${what}, not ${quote(value)}` : undefined,
  );

export const boolean = () => z.boolean({ error: expected('true or false') });

const LARGEST_SIZE_BYTES = 64 * 1024 ** 2;

export const size = () =>
  pattern('a size from 1KiB to 64MiB such as 16KiB or 1MiB', (value) => {
    const bytes = sizeBytes(value);
    return bytes !== undefined && bytes >= 1024 && bytes <= LARGEST_SIZE_BYTES;
  });
