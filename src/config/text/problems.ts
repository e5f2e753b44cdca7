// The problems of a configuration with their places, and the one error that lists them all.
// Everything under config/ adds to such a list instead of throwing, so that one mistake never hides another.

import type { ConfigProblem } from '../../core/error-details.ts';
import { LinkgateError } from '../../core/errors.ts';

/** The path to a mistake: keys and indexes from the top of the document. */
export type ConfigPath = readonly (string | number)[];

/** The message lists this many; `details.problems` has all. */
const LONGEST_LIST = 1000;

/** `['domains', 1, 'region']` → `domains[1].region`. A key that is not a plain word is quoted in brackets. */
export const formatPath = (path: ConfigPath): string => {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z][A-Za-z0-9-]{0,60}$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${quote(part)}]`;
  }
  return text;
};

/** A value as a message shows it: text is quoted and cut at 80 characters; a list or a mapping is called so. */
export const quote = (value: unknown): string => {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 79)}…` : value);
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a mapping' : String(value);
};

/** `linkgate.yaml:12:5 domains[1].region: must be us or eu, not "uk"` */
export const formatProblem = ({ file, line, column, path, message }: ConfigProblem): string =>
  `${file}:${line}:${column} ${path === '' ? '' : `${path}: `}${message}`;

const inOrder = (first: string, problems: readonly ConfigProblem[]): ConfigProblem[] =>
  problems.toSorted(
    (a, b) =>
      Number(a.file !== first) - Number(b.file !== first) ||
      a.file.localeCompare(b.file) ||
      a.line - b.line ||
      a.column - b.column,
  );

/**
 * The error that lists every problem, in the order of the file.
 * @param file - the configuration, as the user named it; its problems come first
 */
export const configError = (file: string, problems: readonly ConfigProblem[]): LinkgateError => {
  const sorted = inOrder(file, problems);
  const lines = sorted.slice(0, LONGEST_LIST).map((problem) => `\n  ${formatProblem(problem)}`);
  if (sorted.length > LONGEST_LIST) lines.push(`\n  … and ${sorted.length - LONGEST_LIST} more`);
  const count = sorted.length === 1 ? '1 problem' : `${sorted.length} problems`;
  return new LinkgateError('ERR_CONFIG_INVALID', `configuration has ${count}:${lines.join('')}`, {
    details: { file, problems: sorted },
  });
};
