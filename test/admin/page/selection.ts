import t from 'tap';
import { addressOf, selectDomains, wantedOf } from '../../../src/admin/page/selection.ts';
import { manyCertificates, sampleStatus } from '../../helpers/sample-page.ts';

const wanted = (text: string) => wantedOf(new URLSearchParams(text));

t.test('what the address asks for; what makes no sense is not there', async (t) => {
  t.strictSame(wanted(''), { search: '', group: undefined, from: 0 });
  t.strictSame(wanted('q=%20Links.&state=fine&from=250'), { search: 'links.', group: 'fine', from: 200 });
  for (const text of ['state=__proto__', 'from=-1', 'from=1e9', 'from=99999999', 'q=', 'x=y']) {
    t.strictSame(wanted(text), { search: '', group: undefined, from: 0 }, text);
  }
  t.equal(wanted(`q=${'x'.repeat(10_000)}`).search.length, 253);
});

t.test('the address says what it was made of', async (t) => {
  t.equal(addressOf(wanted('')), '/');
  const odd = { search: 'a&b="<x>', group: 'attention', from: 100 } as const;
  t.equal(addressOf(odd), '/?q=a%26b%3D%22%3Cx%3E&state=attention&from=100');
  t.strictSame(wanted(addressOf(odd).slice(2)), odd);
});

t.test('a hundred of ten thousand, the failing ones first', async (t) => {
  const { domains } = sampleStatus(manyCertificates(10_000));
  const first = selectDomains(domains, wanted(''));
  t.equal(first.shown.length, 100);
  t.strictSame(
    first.shown.map(({ state }) => state),
    [...Array(3).fill('failing'), ...Array(97).fill('live')],
  );
  t.strictSame(first.counts, { all: 10_000, attention: 3, waiting: 0, fine: 9_997 });
  t.equal(first.shown[3]?.name, 'links0.example.com', 'then the order of the configuration');
  const last = selectDomains(domains, wanted('state=fine&from=9900'));
  t.strictSame([last.found, last.shown.length], [9_997, 97]);
  t.equal(selectDomains(domains, wanted('from=20000')).wanted.from, 0, 'a page that is no more');
  const searched = selectDomains(domains, wanted('q=LINKS77.'));
  t.strictSame(
    searched.shown.map(({ name }) => name),
    ['links77.example.com'],
  );
  t.strictSame(selectDomains(domains, wanted('q=nothing')).shown, []);
});
