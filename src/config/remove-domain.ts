// Removes one name from the configuration and leaves every other byte as it was. It replaces the whole file, and only with one
// that loads.

import { randomBytes } from 'node:crypto';
import { chmod, chown, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isMap, isScalar, isSeq, parseDocument, type Document } from 'yaml';
import { normalizeName, unknownDomain } from '../core/domain-name.ts';
import { LinkgateError } from '../core/errors.ts';
import { loadSettings } from './load.ts';
import { LARGEST_FILE_BYTES, readTextFile } from './text/text-file.ts';

const read = async (file: string): Promise<string> => {
  const content = await readTextFile(file, LARGEST_FILE_BYTES);
  if ('text' in content) return content.text;
  throw new LinkgateError('ERR_CONFIG_UNREADABLE', `configuration ${content.problem}`, {
    cause: content.cause,
  });
};

const nameOf = (item: unknown): string | undefined => {
  const name: unknown = isMap(item) ? item.get('name') : undefined;
  return typeof name === 'string' ? normalizeName(name) : undefined;
};

/** The text without the lines of one item of a block sequence; undefined when the item shares a line with something else. */
const withoutLines = (text: string, item: unknown): string | undefined => {
  const range = isMap(item) ? item.range : undefined;
  if (range === undefined || range === null) return undefined;
  const from = text.lastIndexOf('\n', range[0] - 1) + 1;
  if (!/^[ \t]*-[ \t]+$/.test(text.slice(from, range[0]))) return undefined;
  const end = text.slice(0, range[1]).trimEnd().length;
  const line = text.indexOf('\n', end);
  return text.slice(0, from) + (line === -1 ? '' : text.slice(line + 1));
};

const isWithout = (text: string, document: Document, index: number): boolean => {
  const wanted = document.toJS() as { domains: unknown[] };
  wanted.domains.splice(index, 1);
  const parsed = parseDocument(text);
  return parsed.errors.length === 0 && JSON.stringify(parsed.toJS()) === JSON.stringify(wanted);
};

/** @returns undefined when `domains` does not list the name */
export const withoutDomain = (text: string, name: string): string | undefined => {
  const document = parseDocument(text);
  const domains: unknown = document.get('domains');
  if (!isSeq(domains)) return undefined;
  const index = domains.items.findIndex((item) => nameOf(item) === name);
  if (index === -1) return undefined;
  const cut = withoutLines(text, domains.items[index]);
  if (cut !== undefined && isWithout(cut, document, index)) return cut;
  document.deleteIn(['domains', index]);
  return String(document);
};

/** @returns undefined when no line of a domainsFile names it */
export const withoutLine = (text: string, name: string): string | undefined => {
  const lines = text.split('\n');
  const left = lines.filter((line) => normalizeName(line.trim().split(/[\s#]/, 1)[0] ?? '') !== name);
  return left.length === lines.length ? undefined : left.join('\n');
};

/** The file that a configuration names as `domainsFile`. */
const domainsFileOf = (file: string, text: string): string | undefined => {
  const named: unknown = parseDocument(text).get('domainsFile', true);
  return isScalar(named) && typeof named.value === 'string'
    ? resolve(dirname(resolve(file)), named.value)
    : undefined;
};

const replace = async (file: string, text: string, isConfiguration: boolean): Promise<void> => {
  const path = await realpath(file);
  const { mode, uid, gid } = await stat(path);
  const fresh = join(dirname(path), `.linkgate-${randomBytes(6).toString('hex')}.yaml`);
  try {
    await writeFile(fresh, text, { flag: 'wx', mode: 0o600 });
    if (isConfiguration) await loadSettings(fresh);
    await chmod(fresh, mode & 0o777);
    if (process.getuid?.() === 0) await chown(fresh, uid, gid);
    await rename(fresh, path);
  } catch (error) {
    if (error instanceof LinkgateError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new LinkgateError('ERR_CONFIG_UNREADABLE', `configuration "${file}" cannot be changed: ${code}`, {
      cause: error,
    });
  } finally {
    await rm(fresh, { force: true }).catch(() => undefined);
  }
};

/**
 * @param file - the configuration
 * @param name - normalized
 * @returns the file that was changed: the configuration, or its domainsFile
 * @throws LinkgateError `ERR_CONFIG_UNREADABLE` when a file cannot be read or replaced, `ERR_CERT_UNKNOWN_NAME`
 */
export const removeDomain = async (file: string, name: string): Promise<string> => {
  const text = await read(file);
  const cut = withoutDomain(text, name);
  if (cut !== undefined) {
    await replace(file, cut, true);
    return file;
  }
  const list = domainsFileOf(file, text);
  const left = list === undefined ? undefined : withoutLine(await read(list), name);
  if (list === undefined || left === undefined) {
    throw unknownDomain(name, []);
  }
  await replace(list, left, false);
  return list;
};
