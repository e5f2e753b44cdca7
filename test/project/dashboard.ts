// The Grafana dashboard without a Prometheus: its queries ask for what the catalogue has. test/long/e2e/prometheus.ts runs them.

import t from 'tap';
import { CATALOGUE } from '../../src/observe/metrics/catalogue.ts';
import { dashboard, dashboardQueries } from '../helpers/dashboard.ts';
import { complaintsAbout, metricOf, seriesIn } from '../helpers/promql.ts';

t.test('each query asks for metrics, labels and values that exist', async (t) => {
  t.ok(dashboardQueries.length > 40);
  for (const { panel, expr } of dashboardQueries)
    t.strictSame(complaintsAbout(expr), [], `${panel}: ${expr}`);
});

t.test('each selector goes by job and instance, so that one of many machines can be looked at', async (t) => {
  for (const { panel, expr } of dashboardQueries) {
    const selectors = expr.match(/linkgate_[a-z_]+(\{[^}]*\})?/g) ?? [];
    for (const selector of selectors) {
      t.match(selector, 'job=~"$job", instance=~"$instance"', `${panel}: ${selector}`);
    }
  }
});

t.test('every metric is on it', async (t) => {
  const shown = new Set(dashboardQueries.flatMap(({ expr }) => seriesIn(expr).map(metricOf)));
  const missing = Object.keys(CATALOGUE).filter(
    (name) => !shown.has(metricOf(name) ?? metricOf(`${name}_count`)),
  );
  t.strictSame(missing, []);
});

t.test('its variables are the ones its queries use', async (t) => {
  t.strictSame(
    dashboard.templating.list.map(({ name }) => name),
    ['datasource', 'job', 'instance'],
  );
  for (const { definition } of dashboard.templating.list) {
    if (definition !== undefined) t.strictSame(complaintsAbout(definition), []);
  }
});

t.test('no panel lies over another or out of the 24 columns, and each has a title of its own', async (t) => {
  const taken = new Map<string, string>();
  for (const { title, gridPos } of dashboard.panels) {
    const { x, y, w, h } = gridPos;
    t.ok(x >= 0 && w > 0 && h > 0 && x + w <= 24, title);
    for (let column = x; column < x + w; column += 1) {
      for (let line = y; line < y + h; line += 1) {
        const cell = `${column} ${line}`;
        if (taken.has(cell)) t.fail(`${title} lies over ${taken.get(cell)}`);
        taken.set(cell, title);
      }
    }
  }
  const titles = dashboard.panels.map(({ title }) => title);
  t.equal(new Set(titles).size, titles.length);
});
