// The alert rules: they hold in Prometheus's own unit tests, ask for metrics that exist, and each says what to do.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { anchorsOf } from '../helpers/documents.ts';
import { parse } from 'yaml';
import { complaintsAbout, seriesIn } from '../helpers/promql.ts';
import { needs } from '../helpers/needs.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const readText = (path: string): string => readFileSync(`${root}${path}`, 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<'summary' | 'description' | 'runbook', string>>;
}

interface RuleTest {
  readonly name: string;
  readonly alert_rule_test: readonly {
    readonly eval_time: string;
    readonly alertname: string;
    readonly exp_alerts: readonly unknown[];
  }[];
}

const { groups } = parse(readText('deploy/prometheus/alerts.yml')) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const TEST_FILES = ['alerts.test.yml', 'alerts-week.test.yml'];
const tests = TEST_FILES.flatMap(
  (file) => (parse(readText(`deploy/prometheus/${file}`)) as { readonly tests: readonly RuleTest[] }).tests,
);

const promtool = (...args: readonly string[]) =>
  spawnSync('promtool', args, { cwd: `${root}deploy/prometheus`, encoding: 'utf8', timeout: 120_000 });

t.test('promtool accepts the rules, and their unit tests hold', { skip: needs('promtool') }, async (t) => {
  for (const args of [
    ['check', 'rules', 'alerts.yml'],
    ['test', 'rules', ...TEST_FILES],
  ]) {
    const { status, stdout, stderr } = promtool(...args);
    t.equal(status, 0, `promtool ${args.join(' ')}\n${stdout}${stderr}`);
  }
});

t.test('each alert is seen quiet, then firing, then over, in one test', async (t) => {
  for (const { alert } of rules) {
    const courses = tests.map(({ alert_rule_test }) =>
      alert_rule_test
        .filter(({ alertname }) => alertname === alert)
        .toSorted((a, b) => parseInt(a.eval_time, 10) - parseInt(b.eval_time, 10))
        .map(({ exp_alerts }) => (exp_alerts.length > 0 ? 'fires' : 'quiet'))
        .join(' '),
    );
    t.ok(
      courses.some((course) => /^quiet.* fires.* quiet$/.test(course)),
      `${alert}: ${courses.filter((course) => course !== '').join(', ')}`,
    );
  }
  const times = tests.flatMap((test) => test.alert_rule_test.map((check) => check.eval_time));
  t.ok(
    times.every((time) => /^\d+m$/.test(time)),
    'all times are minutes, so that their order is known',
  );
});

t.test('each alert asks for what the catalogue has', async (t) => {
  for (const { alert, expr } of rules) {
    t.strictSame(complaintsAbout(expr), [], alert);
    t.ok(seriesIn(expr).length > 0, alert);
  }
  t.strictSame(complaintsAbout('linkgate_no_such_total'), ['linkgate_no_such_total is in no catalogue']);
  t.strictSame(complaintsAbout('linkgate_certificates{state="gone"}'), [
    'linkgate_certificates{state} is never "gone"',
  ]);
  t.strictSame(complaintsAbout('linkgate_ready{state="x"}'), ['linkgate_ready has no label "state"']);
  t.strictSame(complaintsAbout('linkgate_request_duration_seconds'), [
    'linkgate_request_duration_seconds is in no catalogue',
  ]);
});

t.test('each alert has a severity, and a runbook that names it', async (t) => {
  const seen = new Set<string>();
  for (const { alert, labels, annotations } of rules) {
    t.match(alert, /^Linkgate[A-Z]/);
    t.notOk(seen.has(alert), 'once');
    seen.add(alert);
    t.match(labels.severity, /^(warning|critical)$/, alert);
    t.ok(annotations.summary.length > 0 && annotations.description.length > 0, alert);
    const [page = '', anchor = ''] = annotations.runbook.split('#');
    t.equal(page, 'docs/operations.md', alert);
    t.ok(anchorsOf(readText(page)).has(anchor), `${alert}: ${annotations.runbook}`);
    t.match(readText(page), `\`${alert}\``, `${alert} is named there`);
  }
});
