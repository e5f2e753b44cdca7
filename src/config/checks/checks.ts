// Checks values together, and what is outside the file: listeners that collide, names that are given twice, missing files. It works on
// the tree as it was written, right or wrong, so that a mistake that the schema finds does not hide one here.

import { isIP } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { checkAdmin } from './admin-checks.ts';
import { readCaFile } from './ca-file.ts';
import { configuredName } from '../values/configured-name.ts';
import { parseDomainsFile } from '../values/domains-file.ts';
import type { FileDomain } from '../values/domains-file.ts';
import { checkIssuers } from './issuer-checks.ts';
import { DEFAULT_LISTEN, collide, parseListen, type ListenerName } from '../values/listen-address.ts';
import type { ConfigProblem } from '../../core/error-details.ts';
import type { ConfigPath } from '../text/problems.ts';
import { readTextFile } from '../text/text-file.ts';
import { readUniversalLink } from './universal-links.ts';

export interface CheckParts {
  readonly tree: unknown;
  /** the configuration as the user named it */
  readonly file: string;
  /** the folder that relative paths of the configuration start from */
  readonly directory: string;
  /** line of the value at a path, for messages about a second place */
  readonly lineOf: (path: ConfigPath) => number;
  readonly report: (path: ConfigPath, message: string) => void;
  readonly reportElsewhere: (problem: ConfigProblem) => void;
}

/** Texts by the absolute path of their file. */
export type UniversalLinkTexts = ReadonlyMap<string, string>;
export type CaTexts = ReadonlyMap<string, string>;

export interface FileContents {
  readonly domains: readonly FileDomain[];
  readonly universalLinks: UniversalLinkTexts;
  /** PEM certificates */
  readonly caFiles: CaTexts;
}

/** The value at `path` of the tree, undefined when there is none. */
export const valueAt = (tree: unknown, path: ConfigPath): unknown => {
  let value = tree;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<string | number, unknown>)[key];
  }
  return value;
};

const textAt = (tree: unknown, path: ConfigPath): string | undefined => {
  const value = valueAt(tree, path);
  return typeof value === 'string' ? value : undefined;
};

const listAt = (tree: unknown, path: ConfigPath): readonly unknown[] => {
  const value = valueAt(tree, path);
  return Array.isArray(value) ? value : [];
};

const checkListeners = ({ tree, report }: CheckParts): void => {
  const listeners = Object.entries(DEFAULT_LISTEN).map(([name, fallback]) => ({
    name,
    address: parseListen(
      name as ListenerName,
      textAt(tree, ['listen', name]) ?? textAt(tree, ['listen', name, 'address']) ?? fallback,
    ),
  }));
  for (const [index, { name, address }] of listeners.entries()) {
    const other = listeners
      .slice(0, index)
      .find((before) => before.address && address && collide(before.address, address));
    const same = address?.fd === undefined ? 'address and port' : 'socket';
    if (other !== undefined) report(['listen', name], `takes the same ${same} as listen.${other.name}`);
  }
};

const needsServerName = (url: string | undefined): boolean => {
  if (url === undefined || !URL.canParse(url)) return false;
  return isIP(new URL(url).hostname.replaceAll(/^\[|\]$/g, '')) !== 0;
};

const checkUpstream = ({ tree, report }: CheckParts): void => {
  const has = (...path: readonly string[]): boolean => valueAt(tree, ['upstream', ...path]) !== undefined;
  if (has('url') && has('region')) report(['upstream', 'url'], 'replaces region: give one of the two');
  for (const base of [[], ['regions', 'us'], ['regions', 'eu']]) {
    const path = ['upstream', ...base];
    if (needsServerName(textAt(tree, [...path, 'url'])) && !has(...base, 'serverName')) {
      report([...path, 'url'], 'has an address for its host: give the name to verify as serverName');
    }
    if (has(...base, 'serverName') && !has(...base, 'url')) {
      report([...path, 'serverName'], 'needs a url next to it, which is missing');
    }
  }
};

const checkCaFiles = async ({ tree, directory, report }: CheckParts): Promise<CaTexts> => {
  const texts = new Map<string, string>();
  const paths: ConfigPath[] = [
    ['upstream', 'caFile'],
    ['upstream', 'regions', 'us', 'caFile'],
    ['upstream', 'regions', 'eu', 'caFile'],
    ...listAt(tree, ['certificates', 'issuers'])
      .slice(0, 16)
      .map((_, index) => ['certificates', 'issuers', index, 'caFile']),
  ];
  for (const where of paths) {
    const file = textAt(tree, where);
    if (file === undefined || file === '') continue;
    const path = resolve(directory, file);
    const read = await readCaFile(path);
    if ('problem' in read) report(where, read.problem);
    else texts.set(path, read.pem);
  }
  return texts;
};

/** Reads the files that verify app links; many domains may name the same file. */
const checkUniversalLinks = async ({ tree, directory, report }: CheckParts): Promise<UniversalLinkTexts> => {
  const texts = new Map<string, string>();
  for (const index of listAt(tree, ['domains']).keys()) {
    for (const kind of ['apple', 'android'] as const) {
      const path = ['domains', index, 'universalLinks', kind];
      const written = textAt(tree, path);
      if (written === undefined || written === '') continue;
      const file = resolve(directory, written);
      const read = await readUniversalLink(kind, file);
      if ('problem' in read) report(path, read.problem);
      else texts.set(file, read.text);
    }
  }
  return texts;
};

/** The domainsFile as messages name it: in the folder of the configuration, as the user named that one. */
const shownName = (file: string, domainsFile: string): string =>
  basename(domainsFile) === domainsFile ? join(dirname(file), domainsFile) : domainsFile;

const checkDomains = async (parts: CheckParts): Promise<readonly FileDomain[]> => {
  const { tree, file, report } = parts;
  const listed = listAt(tree, ['domains']);
  const firstAt = new Map<string, number>();
  for (const index of listed.keys()) {
    const path = ['domains', index, 'name'];
    const text = textAt(tree, path);
    if (text === undefined) continue;
    const read = configuredName(text);
    if ('problem' in read) {
      report(path, read.problem);
      continue;
    }
    const first = firstAt.get(read.name);
    if (first === undefined) firstAt.set(read.name, index);
    else
      report(
        path,
        `"${read.name}" is given twice: first at ${file}:${parts.lineOf(['domains', first, 'name'])}`,
      );
  }

  const domainsFile = textAt(tree, ['domainsFile']);
  if (domainsFile === undefined || domainsFile === '') {
    const written = valueAt(tree, ['domains']);
    const none = listed.length === 0 && (written === undefined || Array.isArray(written));
    if (none) report(['domains'], 'names no domain: at least one is needed');
    return [];
  }
  const content = await readTextFile(resolve(parts.directory, domainsFile));
  if ('problem' in content) {
    report(['domainsFile'], content.problem);
    return [];
  }
  const shown = shownName(file, domainsFile);
  const { domains, problems } = parseDomainsFile(shown, content.text);
  for (const problem of problems) parts.reportElsewhere(problem);
  if (listed.length + domains.length + problems.length === 0) {
    report(['domainsFile'], 'names no domain: at least one is needed');
  }
  const firstLine = new Map<string, number>();
  for (const { name, line } of domains) {
    const inList = firstAt.get(name);
    const before = firstLine.get(name);
    if (inList === undefined && before === undefined) {
      firstLine.set(name, line);
      continue;
    }
    const first =
      inList === undefined ? `${shown}:${before}` : `${file}:${parts.lineOf(['domains', inList, 'name'])}`;
    const message = `"${name}" is given twice: first at ${first}`;
    parts.reportElsewhere({ file: shown, line, column: 1, path: 'name', message });
  }
  return domains;
};

/** Reports every mistake, and returns the contents of the files that the configuration names. Never rejects. */
export const checkTree = async (parts: CheckParts): Promise<FileContents> => {
  checkListeners(parts);
  checkUpstream(parts);
  const valueOf = (path: ConfigPath): unknown => valueAt(parts.tree, path);
  await checkAdmin({ ...parts, valueAt: valueOf });
  await checkIssuers({ ...parts, valueAt: valueOf });
  const caFiles = await checkCaFiles(parts);
  const universalLinks = await checkUniversalLinks(parts);
  return { universalLinks, caFiles, domains: await checkDomains(parts) };
};
