// The fields of an answer as undici hands them over, buffers that point into what was read, as the flat list of text that
// everything else works on. Knows no field by name.

import type { FieldLines } from '../http/exchange.ts';

/**
 * One piece of text for all of them, cut up: reading them one by one costs a call into C++ each.
 * @param parts - all views into one buffer and in its order, or text
 * @returns undefined when they are not
 */
const cutOut = (parts: readonly (Buffer | string)[]): string[] | undefined => {
  const first = parts[0];
  const last = parts.at(-1);
  if (!Buffer.isBuffer(first) || !Buffer.isBuffer(last) || first.buffer !== last.buffer) return undefined;
  const { buffer, byteOffset } = first;
  const length = last.byteOffset + last.length - byteOffset;
  if (length <= 0) return undefined;
  const text = Buffer.from(buffer, byteOffset, length).toString('latin1');
  const fields: string[] = [];
  for (const part of parts) {
    if (typeof part === 'string' || part.buffer !== buffer) return undefined;
    const start = part.byteOffset - byteOffset;
    const end = start + part.length;
    if (start < 0 || end > length) return undefined;
    fields.push(text.slice(start, end));
  }
  return fields;
};

/** @param parts - name, value, name, value … */
export const rawFields = (parts: readonly (Buffer | string)[]): FieldLines =>
  cutOut(parts) ?? parts.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
