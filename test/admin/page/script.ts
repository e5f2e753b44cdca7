// What it does is seen in a browser: in-chromium.ts. Here: what it must not do.

import { Script } from 'node:vm';
import t from 'tap';
import { SCRIPT } from '../../../src/admin/page/script.ts';

t.test('it is a script, and puts no text into the page as HTML', async (t) => {
  t.doesNotThrow(() => new Script(SCRIPT));
  t.notMatch(SCRIPT, /innerHTML|outerHTML =[^=]|insertAdjacent|document\.write|eval|Function|import\(/);
  t.notMatch(SCRIPT, /https?:\/\//, 'asks nobody else');
});
