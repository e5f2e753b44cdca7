import * as fc from 'fast-check';
import { join, resolve } from 'node:path';
import t from 'tap';
import { isSegment, keySegments, lockSegment } from '../../src/storage/keys.ts';

t.test('a good key falls into its segments', async (t) => {
  t.same(keySegments('certificates/links.example.com.pem'), ['certificates', 'links.example.com.pem']);
  t.equal(lockSegment('issue-links.example.com'), 'issue-links.example.com');
  t.ok(isSegment('...'), 'three dots are only a strange name');
});

t.test('whatever key is accepted stays inside its folder', async (t) => {
  const root = resolve('/srv/store');
  const piece = fc.oneof(
    fc.constantFrom('..', '.', '', '/', '\\', '\0', '~', 'a', 'B.9_-', '%2e%2e'),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const key = pieces.join('/');
      let segments: readonly string[];
      try {
        segments = keySegments(key);
      } catch {
        return true;
      }
      return join(root, ...segments) === `${root}/${key}`;
    }),
    { numRuns: 2000 },
  );
  t.pass();
});

t.test('a bad key or lock name names itself', async (t) => {
  t.throws(() => keySegments('../etc/passwd'), { code: 'ERR_INTERNAL', message: /"\.\.\/etc\/passwd"/ });
  t.throws(() => lockSegment('a/b'), { code: 'ERR_INTERNAL', message: /"a\/b"/ });
});
