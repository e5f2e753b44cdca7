// Reads the text files of a configuration, up to a ceiling. Where a file cannot be read, one line says why.

import { constants, open } from 'node:fs/promises';
import { quote } from './problems.ts';

/** The most a configuration or a domainsFile may hold. */
export const LARGEST_FILE_BYTES = 16 * 1024 * 1024;

export type TextFile = { readonly text: string } | { readonly problem: string; readonly cause?: unknown };

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  EISDIR: 'is a folder',
  ENOTDIR: 'is below something that is not a folder',
  ELOOP: 'is a loop of links',
  ENAMETOOLONG: 'has too long a name',
};

/** Reads a regular file of UTF-8 (a byte order mark is dropped). Never rejects. */
export const readTextFile = async (path: string, maxBytes = LARGEST_FILE_BYTES): Promise<TextFile> => {
  let file;
  try {
    // Without O_NONBLOCK, opening a pipe waits until somebody writes into it.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (stat.isDirectory()) return { problem: `${quote(path)} is a folder` };
    if (!stat.isFile()) return { problem: `${quote(path)} is not a regular file` };
    if (stat.size > maxBytes) return { problem: `${quote(path)} is larger than ${maxBytes} bytes` };
    const bytes = await file.readFile();
    if (bytes.length > maxBytes) return { problem: `${quote(path)} is larger than ${maxBytes} bytes` };
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      return { problem: `${quote(path)} is not UTF-8`, cause: error };
    return { problem: `${quote(path)} ${REASONS[code] ?? `cannot be read (${code})`}`, cause: error };
  } finally {
    await file?.close().catch(() => undefined);
  }
};
