// A password for a file: from another file, or from a person at the terminal, who does not see what they type. It never comes from an
// argument, which every user of the machine can read.

import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { LinkgateError } from '../../core/errors.ts';

/** The first line of a file, without its end. @throws LinkgateError `ERR_USAGE` */
const passwordOf = async (file: string): Promise<string> => {
  try {
    return (await readFile(file, 'utf8')).split(/\r?\n/, 1)[0] ?? '';
  } catch (error) {
    throw new LinkgateError('ERR_USAGE', `password file "${file}" cannot be read`, { cause: error });
  }
};

/**
 * @param file - of `--password-file`; without one a person is asked
 * @throws LinkgateError `ERR_USAGE` when there is neither a file nor a terminal
 */
export const readPassword = async (file: string | undefined): Promise<string> => {
  if (file !== undefined) return passwordOf(file);
  if (process.stdin.isTTY !== true) {
    throw new LinkgateError(
      'ERR_USAGE',
      'password is missing: use --password-file, or run the command in a terminal',
    );
  }
  // readline echoes to its output, which drops everything here
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  // Not earlier: until now the terminal itself shows what a person types or pastes.
  process.stderr.write('Password: ');
  const line = await new Promise<string>((resolve) => {
    lines.question('', resolve);
    lines.once('close', () => resolve(''));
  });
  lines.close();
  process.stderr.write('\n');
  return line;
};
