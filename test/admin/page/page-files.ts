// What the files do is seen in a browser: in-chromium.ts. Here: what they must hold, and what they must not do.

import { Script } from 'node:vm';
import t from 'tap';
import { ICON, SCRIPT, STYLE } from '../../../src/admin/page/page-files.ts';

/** WCAG 2.2, relative luminance */
const luminance = (hex: string): number => {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};

const contrast = (a: string, b: string): number => {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].toSorted((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
};

t.test('in both palettes every text can be read on every ground', async (t) => {
  const palettes = [...STYLE.matchAll(/:root \{([^}]*)\}/g)].map(
    ([, text = '']) =>
      new Map(
        [...text.matchAll(/(--[\w-]+): (#[0-9a-f]{6})/g)].map(([, name = '', hex = '']) => [name, hex]),
      ),
  );
  t.equal(palettes.length, 2);
  for (const [index, palette] of palettes.entries()) {
    for (const text of ['--ink', '--quiet', '--good', '--warn', '--bad', '--accent']) {
      for (const ground of ['--ground', '--sheet', '--bad-ground', '--warn-ground']) {
        const ratio = contrast(palette.get(text) ?? '', palette.get(ground) ?? '');
        t.ok(ratio >= 4.5, `${index} ${text} on ${ground}: ${ratio.toFixed(2)}`);
      }
    }
  }
});

t.test('the style loads nothing, and defines every name that it uses', async (t) => {
  t.notMatch(STYLE, /url\(|@import|expression/);
  for (const [, name = ''] of STYLE.matchAll(/var\((--[\w-]+)\)/g)) t.ok(STYLE.includes(`${name}:`), name);
  t.equal(STYLE.split('{').length, STYLE.split('}').length);
  t.notMatch(ICON, /script|href/);
});

t.test('the script puts no text into the page as HTML', async (t) => {
  t.doesNotThrow(() => new Script(SCRIPT));
  t.notMatch(SCRIPT, /innerHTML|outerHTML =[^=]|insertAdjacent|document\.write|eval|Function|import\(/);
  t.notMatch(SCRIPT, /https?:\/\//, 'asks nobody else');
});
