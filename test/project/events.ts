// Every event of core/events.ts is emitted by the program and heard by it: a name without both is left over.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { EVERY_EVENT } from '../helpers/every-event.ts';

const src = fileURLToPath(new URL('../../src', import.meta.url));

const source = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => readFileSync(join(src, path), 'utf8'))
  .join('\n');

const namesAfter = (call: string): ReadonlySet<string> =>
  new Set([...source.matchAll(new RegExp(`${call}\\(\\s*'([^']+)'`, 'g'))].map(([, name = '']) => name));

t.test('every event is emitted, and heard', async (t) => {
  const emitted = namesAfter('\\bemit(?:\\?\\.)?');
  const heard = namesAfter('\\.on');
  const names = Object.keys(EVERY_EVENT);
  t.ok(names.length > 20, 'the names are known');
  t.strictSame(
    names.filter((name) => !emitted.has(name)),
    [],
    'nobody emits these',
  );
  t.strictSame(
    names.filter((name) => !heard.has(name)),
    [],
    'nobody hears these',
  );
});
