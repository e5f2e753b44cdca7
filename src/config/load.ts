// File → Settings, and the only way to them: read, parse, check everything, then resolve. One error lists all problems.

import { dirname, resolve } from 'node:path';
import type { ConfigProblem } from '../core/error-details.ts';
import { LinkgateError } from '../core/errors.ts';
import type { Settings } from '../core/settings.ts';
import { checkTree } from './checks/checks.ts';
import { parseConfigDocument } from './text/document.ts';
import type { ConfigDocument } from './text/document.ts';
import { configError, formatPath, quote } from './text/problems.ts';
import type { ConfigPath } from './text/problems.ts';
import { resolveSettings } from './resolve.ts';
import { configSchema } from './schema/schema.ts';
import { LARGEST_FILE_BYTES, readTextFile } from './text/text-file.ts';

const isMapping = (tree: unknown): boolean =>
  typeof tree === 'object' && tree !== null && !Array.isArray(tree);

/** Why the whole document is not a configuration, or undefined. */
const wholeProblem = ({ tree, problems }: ConfigDocument): string | undefined => {
  if (isMapping(tree) || problems.length > 0) return undefined;
  return tree === undefined
    ? 'the configuration is empty: name at least one domain under `domains`'
    : `the configuration must be a mapping with keys such as domains, not ${quote(tree)}`;
};

interface SchemaProblem {
  readonly path: ConfigPath;
  readonly message: string;
  readonly part: 'key' | 'value';
}

const schemaProblems = (
  tree: unknown,
): { config?: ReturnType<typeof configSchema.parse>; found: SchemaProblem[] } => {
  const result = configSchema.safeParse(tree);
  if (result.success) return { config: result.data, found: [] };
  const found = result.error.issues.flatMap((issue): SchemaProblem[] => {
    const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
    if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message, part: 'value' }];
    const messages = issue.message.split('\n');
    return issue.keys.map((key, index) => ({
      path: [...path, key],
      message: messages[index] ?? 'unknown key',
      part: 'key',
    }));
  });
  return { found };
};

/** The same for a text in memory. */
const settingsFromText = async (file: string, text: string): Promise<Settings> => {
  const document = parseConfigDocument(text);
  const problems: ConfigProblem[] = document.problems.map(({ line, column, message }) => ({
    file,
    line,
    column,
    path: '',
    message,
  }));
  const whole = wholeProblem(document);
  if (whole !== undefined) problems.push({ file, ...document.locate([]), path: '', message: whole });
  if (!isMapping(document.tree)) throw configError(file, problems);

  // A damaged line was not read as it was meant: nothing is reported of that line, nor of a key that seems to be missing.
  const damaged = new Set(document.problems.filter(({ damaging }) => damaging).map(({ line }) => line));
  const report = (path: ConfigPath, message: string, part: 'key' | 'value' = 'value'): void => {
    const place = document.locate(path, part);
    if (damaged.has(place.line) || (damaged.size > 0 && /^(is missing|names no)/.test(message))) return;
    problems.push({ file, ...place, path: formatPath(path), message });
  };

  const directory = dirname(resolve(file));
  const { config, found } = schemaProblems(document.tree);
  for (const { path, message, part } of found) report(path, message, part);
  const files = await checkTree({
    tree: document.tree,
    file,
    directory,
    lineOf: (path) => document.locate(path).line,
    report,
    reportElsewhere: (problem) => problems.push(problem),
  });
  if (config === undefined || problems.length > 0) throw configError(file, problems);
  return resolveSettings(config, files, directory);
};

/**
 * Reads and checks a configuration file and every file it names.
 * @param path - the configuration; messages name it as given here
 * @returns frozen settings
 * @throws LinkgateError `ERR_CONFIG_UNREADABLE`; `ERR_CONFIG_INVALID` with every problem in `details.problems`
 * (ConfigProblem[]) and in its message
 */
export const loadSettings = async (path: string): Promise<Settings> => {
  const content = await readTextFile(path, LARGEST_FILE_BYTES);
  if ('problem' in content) {
    throw new LinkgateError('ERR_CONFIG_UNREADABLE', `configuration ${content.problem}`, {
      cause: content.cause,
    });
  }
  return settingsFromText(path, content.text);
};
