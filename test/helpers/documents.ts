// The documents of the project: every *.md file, its lines, its links and anchors, and the files that it names.
// test/project/documents.ts runs the checks on the project and on small trees that break each of them.

import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

export const LONGEST_LINE = 160;

/** Not written by people: dependencies, output, and the reports that the bench writes. */
const SKIPPED =
  /^(\.git|\.tap|coverage|dist|node_modules|bench\/node_modules|bench\/\.cache|bench\/results)$/;

/** Every document below a folder, as paths relative to it. */
export const listDocuments = (root: string, folder = ''): readonly string[] =>
  readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) return SKIPPED.test(path) ? [] : listDocuments(root, path);
    return path.endsWith('.md') ? [path] : [];
  });

const withoutCode = (text: string): string =>
  text.replaceAll(/^ *```[^]*?^ *```$/gm, '').replaceAll(/`[^`\n]*`/g, '');

/** The anchors of a document, as GitHub makes them of its headings. */
export const anchorsOf = (text: string): ReadonlySet<string> => {
  const anchors = new Set<string>();
  for (const [, heading = ''] of text.replaceAll(/^ *```[^]*?^ *```$/gm, '').matchAll(/^#{1,6} +(.*)$/gm)) {
    const slug = heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
};

const linksOf = (text: string): readonly string[] =>
  [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);

/** What is wrong with one link; undefined when it leads to a file and, in a document, to an anchor of it. */
const checkLink = (root: string, document: string, target: string): string | undefined => {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? document : posix.join(dirname(document), file);
  if (path.startsWith('../')) return `link '${target}' leaves the project`;
  if (!existsSync(join(root, path))) return `link '${target}' leads to no file`;
  if (anchor === undefined) return undefined;
  if (!statSync(join(root, path)).isFile()) return `link '${target}' has an anchor in a folder`;
  return anchorsOf(readFileSync(join(root, path), 'utf8')).has(anchor)
    ? undefined
    : `link '${target}' leads to no heading`;
};

/** `src/…`, `test/…` and the like in code: a file or a folder of the project. Words such as `<name>`, `*` and `NAME` are placeholders. */
const NAMED = /`((?:src|test|docs|config|deploy|systemd|bench|\.ci)\/[\w./-]*)`/g;

/** `docs/operations.md#the-page` and the like, where no link can stand: in code and in transcripts. */
const NAMED_ANCHOR = /\bdocs\/([\w-]+\.md)#([\w-]+)/g;

/** "`function` in `src/file.ts`": the word stands in that file. */
const NAMED_WORD = /`([\w.]+)`\s+(?:in|of)\s+`(src\/[\w./-]+\.ts)`/g;

const checkNames = (root: string, text: string): readonly string[] => [
  ...[...text.matchAll(NAMED)]
    .map(([, path = '']) => path)
    .filter((path) => path !== 'bench/.cache')
    // READMEs of src/ name rooms from there: `config/text`
    .filter((path) => !existsSync(join(root, path)) && !existsSync(join(root, 'src', path)))
    .map((path) => `names '${path}', which does not exist`),
  ...[...text.matchAll(NAMED_ANCHOR)]
    .filter(([, file = '', anchor = '']) => {
      const path = join(root, 'docs', file);
      return !existsSync(path) || !anchorsOf(readFileSync(path, 'utf8')).has(anchor);
    })
    .map(([name]) => `names '${name}', which does not exist`),
  ...[...text.matchAll(NAMED_WORD)]
    .filter(
      ([, word = '', path = '']) =>
        existsSync(join(root, path)) && !readFileSync(join(root, path), 'utf8').includes(word),
    )
    .map(([, word = '', path = '']) => `names '${word}', which '${path}' does not have`),
];

const checkLines = (text: string): readonly string[] =>
  text
    .split('\n')
    .flatMap((line, index) =>
      [...line].length > LONGEST_LINE ? [`line ${index + 1} has ${[...line].length} characters`] : [],
    );

/**
 * Reads every document of a project.
 * @returns complaints as `path: what is wrong`
 */
export const checkDocuments = (root: string): readonly string[] =>
  listDocuments(root).flatMap((document) => {
    const text = readFileSync(join(root, document), 'utf8');
    return [
      ...checkLines(text),
      ...linksOf(text).flatMap((target) => checkLink(root, document, target) ?? []),
      ...checkNames(root, text),
    ].map((what) => `${document}: ${what}`);
  });
