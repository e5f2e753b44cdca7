// Queries of alert rules and dashboards against the catalogue: every metric exists, and so does every value a matcher asks for.
// Reads as much of PromQL as that takes; whether a query parses is for Prometheus to say.

import { CATALOGUE, CONFIGURED, type MetricName } from '../../src/observe/metrics/catalogue.ts';

const SELECTOR = /\b(linkgate_[a-z_]+|up)\b(?:\{([^}]*)\})?/g;
const MATCHER = /([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g;
/** set by Prometheus, not by us */
const TARGET_LABELS = ['job', 'instance'];

/** Name of the catalogue behind a series' name; undefined when there is none. */
export const metricOf = (series: string): MetricName | undefined => {
  const isKnown = (name: string): name is MetricName => Object.hasOwn(CATALOGUE, name);
  if (isKnown(series)) return CATALOGUE[series].type === 'histogram' ? undefined : series;
  const base = series.replace(/_(bucket|sum|count)$/, '');
  return isKnown(base) && CATALOGUE[base].type === 'histogram' ? base : undefined;
};

/** The series a query names. */
export const seriesIn = (query: string): readonly string[] =>
  [...query.matchAll(SELECTOR)].map(([, name = '']) => name);

const checkMatcher = (name: MetricName, matcher: RegExpMatchArray): string[] => {
  const [, label = '', , wanted = ''] = matcher;
  const values = (CATALOGUE[name].labels as Readonly<Record<string, readonly string[] | string>>)[label];
  if (TARGET_LABELS.includes(label) || label === 'le') return [];
  if (values === undefined) return [`${name} has no label "${label}"`];
  // a variable of a dashboard, or a name of the configuration
  if (values === CONFIGURED || wanted.startsWith('$')) return [];
  return wanted
    .split('|')
    .filter((value) => !values.includes(value))
    .map((value) => `${name}{${label}} is never "${value}"`);
};

/** @returns what is wrong with a query; empty when the catalogue has all it asks for */
export const complaintsAbout = (query: string): readonly string[] => {
  const all = [...query.matchAll(SELECTOR)];
  if (all.length === 0) return ['it asks for nothing of ours'];
  return all.flatMap(([, series = '', matchers = '']) => {
    if (series === 'up') return [];
    const name = metricOf(series);
    if (name === undefined) return [`${series} is in no catalogue`];
    return [...matchers.matchAll(MATCHER)].flatMap((matcher) => checkMatcher(name, matcher));
  });
};
