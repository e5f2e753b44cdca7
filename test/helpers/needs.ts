// The one way for a suite to depend on a program that may be missing: tap's `{ skip: needs('pebble') }`.
// The programs and their Debian packages stand in test/setup/programs.json, which `pretest` installs from.

import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

interface NeededProgram {
  readonly program: string;
  readonly package: string;
}

const programs = JSON.parse(
  readFileSync(new URL('../setup/programs.json', import.meta.url), 'utf8'),
) as readonly NeededProgram[];

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** Whether `program` stands in a folder of `$PATH`. */
export const isInstalled = (program: string): boolean =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .some((folder) => folder !== '' && isExecutable(join(folder, program)));

const skip = (reason: string): string => {
  if ((process.env['CI'] ?? '') !== '') throw new Error(reason);
  return reason;
};

/**
 * The skip of a test that needs `program`.
 * @returns false when it is installed, else the reason with the command that would install it
 * @throws Error when it is missing and CI is set, or when programs.json does not list it
 */
export const needs = (program: string): false | string => {
  const entry = programs.find((candidate) => candidate.program === program);
  if (entry === undefined) throw new Error(`test/setup/programs.json does not list '${program}'`);
  if (isInstalled(program)) return false;
  return skip(`needs ${program}: apt-get install ${entry.package}`);
};

/**
 * The skip of a test that only root can run (other users, mounts, network namespaces).
 * @throws Error for anyone else when CI is set
 */
export const needsRoot = (): false | string =>
  process.getuid?.() === 0 ? false : skip('needs root: run it with sudo');
