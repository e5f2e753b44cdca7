import fc from 'fast-check';
import t from 'tap';
import { html, withCode, type Part } from '../../../../src/admin/page/text/html.ts';
import { holds } from '../../../helpers/property.ts';

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '&lt;b&gt;',
  '</td></tr></table>',
  '`${alert(1)}`',
  '\u0000<\u2028',
];

t.test('what is put in is text, in an element and in an attribute', async (t) => {
  t.equal(`${html`<p title="${'a"b'}">${"<b>&'"}</p>`}`, '<p title="a&quot;b">&lt;b&gt;&amp;&#39;</p>');
  for (const [index, name] of HOSTILE.entries()) {
    const text = `${html`<b title="${name}">${name}</b>`}`;
    t.match(text, /^<b title="[^"<>]*">[^<>]*<\/b>$/, `name ${index}`);
  }
});

t.test('what came out of the template is not escaped again; lists and nothing', async (t) => {
  const item = (word: string) => html`<i>${word}</i>`;
  t.equal(`${html`<b>${['a', '<'].map(item)}</b>`}`, '<b><i>a</i><i>&lt;</i></b>');
  t.equal(`${html`[${undefined}${null}${false}${0}${''}${[]}]`}`, '[0]');
});

t.test('nothing else passes for it, whatever its shape', async (t) => {
  const forged = { toString: () => '<b>' } as unknown as Part;
  t.throws(() => html`${forged}`);
  class Html {
    toString(): string {
      return '<b>';
    }
  }
  t.throws(() => html`${new Html() as unknown as Part}`);
});

t.test('no text makes a tag or ends an attribute', async (t) => {
  await holds(
    t,
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const shown = `${html`${text}`}`;
      return !/[<>"']/.test(shown) && shown.replaceAll(/&(?:amp|lt|gt|quot|#39);/g, '').indexOf('&') === -1;
    }),
  );
});

t.test('commands between backticks are code', async (t) => {
  t.equal(
    `${withCode('see `linkgate dns <x>`, or wait')}`,
    'see <code>linkgate dns &lt;x&gt;</code>, or wait',
  );
  t.equal(`${withCode('plain')}`, 'plain');
});
