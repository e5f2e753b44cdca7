import t from 'tap';
import { domainRow } from '../../../src/admin/page/domain-row.ts';
import { domainTable, mark } from '../../../src/admin/page/domain-table.ts';
import { selectDomains, wantedOf } from '../../../src/admin/page/selection.ts';
import type { Status } from '../../../src/admin/status.ts';
import { manyCertificates, NOW_MS, sampleStatus } from '../../helpers/sample-page.ts';

const AROUND = { nowMs: NOW_MS, ready: true, upstreamHealthy: () => true };

const table = (domains: Status['domains'], query = ''): string => {
  const selection = selectDomains(domains, wantedOf(new URLSearchParams(query)));
  return `${domainTable(
    selection,
    selection.shown.map((domain) => domainRow(domain, AROUND)),
  )}`;
};

t.test('a row each, its problem behind it, and the words of the CA beneath', async (t) => {
  const shown = table(sampleStatus().domains);
  t.equal(shown.match(/role="rowheader"/g)?.length, 7);
  t.match(
    shown,
    /news\.orchard\.example<\/th>[^]*could not connect[^]*<details id="words-news\.orchard\.example">/,
  );
  t.match(shown, /<code>linkgate doctor news\.orchard\.example<\/code>/);
  t.match(shown, /Need attention <span class="number">2</);
  t.notMatch(shown, /Pages of domains|style=|onclick/);
});

t.test('pages, a search and groups keep each other', async (t) => {
  const { domains } = sampleStatus(manyCertificates(1_000));
  const shown = table(domains, 'q=links&state=fine&from=100');
  t.match(shown, /101–200 of 997 domains/);
  t.match(shown, /id="earlier" href="\/\?q=links&amp;state=fine"/);
  t.match(shown, /id="later" href="\/\?q=links&amp;state=fine&amp;from=200"/);
  t.match(shown, /<input type="hidden" name="state" value="fine"/);
  t.match(shown, /id="group-fine"[^>]* aria-current="true"/);
  t.match(table(domains, 'q=%22%3E%3Cb%3E'), /value="&quot;&gt;&lt;b&gt;"[^]*No domain is like that/);
});

t.test('marks differ in shape, not in colour alone', async (t) => {
  const shapes = (['good', 'warn', 'bad', 'plain'] as const).map(
    (tone) => /d="([^"]+)"/.exec(`${mark(tone)}`)?.[1],
  );
  t.equal(new Set(shapes).size, 4);
});
