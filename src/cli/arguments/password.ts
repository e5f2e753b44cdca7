// A password for a file: from another file, or asked for at the terminal, where it is not shown. Never from an argument, which
// every user of the machine can read.

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
      'password is not given: use --password-file, or a terminal to ask on',
    );
  }
  // readline echoes to its output: here to nowhere
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output, terminal: true });
  // Only now: before, the terminal itself would still show what is typed or pasted.
  process.stderr.write('Password: ');
  const line = await new Promise<string>((resolve) => {
    lines.question('', resolve);
    lines.once('close', () => resolve(''));
  });
  lines.close();
  process.stderr.write('\n');
  return line;
};
