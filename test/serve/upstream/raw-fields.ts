import * as assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { rawFields } from '../../../src/serve/upstream/raw-fields.ts';
import { holds } from '../../helpers/property.ts';

/** Views into one buffer, with other bytes between them, as a parser leaves them. */
const viewsOf = (texts: readonly string[], gaps: readonly number[]): Buffer[] => {
  const whole = Buffer.concat(
    texts.flatMap((text, i) => [Buffer.alloc(gaps[i] ?? 1, 0x3a), Buffer.from(text, 'latin1')]),
  );
  let at = 0;
  return texts.map((text, i) => {
    at += gaps[i] ?? 1;
    const view = whole.subarray(at, at + text.length);
    at += text.length;
    return view;
  });
};
const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });

t.test('every part comes out as its own bytes', async (t) => {
  await holds(
    t,
    fc.property(fc.array(latin1), fc.array(fc.nat(5)), (texts, gaps) => {
      assert.deepEqual(rawFields(viewsOf(texts, gaps)), texts);
    }),
  );
});

t.test('parts of several buffers, in any order, and text', (t) => {
  const [a, b] = viewsOf(['Location', '/caf\xe9'], [2, 2]);
  const other = Buffer.from('X-A');
  t.same(rawFields([]), []);
  t.same(rawFields(['x', 'y']), ['x', 'y']);
  for (const parts of [
    [a, other],
    [other, b],
    [b, a],
    [a, other, b],
    [a, 'text', b],
    [a, b, other, a],
  ])
    t.same(
      rawFields(parts as Buffer[]),
      parts.map((part) => (typeof part === 'string' ? part : part?.toString('latin1'))),
    );
  t.end();
});
