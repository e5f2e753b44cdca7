import { readFileSync } from 'node:fs';
import t from 'tap';
import { CATALOGUE, CONFIGURED, reasonOf } from '../../../src/observe/metrics/catalogue.ts';

const docs = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');

/** name → what its entry in docs/metrics.md says */
const entries = new Map(
  [...docs.matchAll(/^- `(linkgate_\w+)`, (\w+)(?:, by (.*))?:\n((?: {2}.*\n)+)/gm)].map(
    ([, name = '', type = '', labels = '', help = '']) => [
      name,
      { type, labels, help: help.trim().replaceAll(/\s+/g, ' ') },
    ],
  ),
);

t.test('docs/metrics.md and the catalogue say the same, both ways', async (t) => {
  t.strictSame([...entries.keys()].toSorted(), Object.keys(CATALOGUE).toSorted());
  for (const [name, entry] of Object.entries(CATALOGUE)) {
    const labels = Object.keys(entry.labels)
      .map((label) => `\`${label}\``)
      .join(', ');
    t.strictSame(entries.get(name), { type: entry.type, labels, help: entry.help }, name);
  }
});

t.test('docs/metrics.md knows every value of a bounded label', async (t) => {
  for (const [name, { labels }] of Object.entries(CATALOGUE)) {
    for (const [label, values] of Object.entries(labels)) {
      if (values === CONFIGURED) continue;
      t.ok(values.length > 0 && new Set(values).size === values.length, `${name} ${label}`);
      for (const value of values) t.match(docs, `\`${value}\``, `${name} ${label} ${value}`);
    }
  }
});

t.test('names follow Prometheus: counters end in _total, times in _seconds', async (t) => {
  for (const [name, { type, labels }] of Object.entries(CATALOGUE)) {
    t.match(name, /^linkgate_[a-z]+(_[a-z]+)*$/);
    t.equal(name.endsWith('_total'), type === 'counter', name);
    if (type !== 'histogram') continue;
    t.match(name, /_seconds$/);
    t.ok(Object.keys(labels).length <= 1, 'an observation is found by one index');
  }
});

t.test('a reason is the end of its code', (t) => {
  t.equal(reasonOf('ERR_UPSTREAM_TLS'), 'tls');
  t.equal(reasonOf('ERR_REQUEST_BODY_TOO_LARGE'), 'body-too-large');
  t.end();
});
