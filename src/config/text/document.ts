// YAML text → plain tree, with the place of every key and value. It does not know what the keys mean.
// Depth, keys of a mapping and aliases have limits, against hostile text. It never throws.

import { Composer, LineCounter, Parser, isAlias, isMap, isScalar, isSeq, visit } from 'yaml';
import type { CST, Document } from 'yaml';
import type { ConfigPath } from './problems.ts';

/** Deeper text than this exhausts the stack of the composer. */
const DEEPEST = 64;
/** The composer compares every key with every other: 20,000 keys in one mapping take six seconds. */
const MOST_KEYS = 1000;
const MOST_ALIASES = 100;

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface DocumentProblem extends Place {
  readonly message: string;
  /** false: the text around it was read as it was meant (a key given twice) */
  readonly damaging: boolean;
}

export interface ConfigDocument {
  /** undefined when nothing usable could be read, or the document is empty */
  readonly tree: unknown;
  readonly problems: readonly DocumentProblem[];
  /** the place of the value at `path`, or of its key; the nearest parent's when there is none */
  locate(path: ConfigPath, part?: 'key' | 'value'): Place;
}

/** The depth of the tokens, and the most keys in a mapping. Without recursion, which hostile text would exhaust. */
const measure = (tokens: readonly CST.Token[]): { depth: number; keys: number } => {
  let [depth, keys] = [0, 0];
  const open: [CST.Token, number][] = tokens.map((token) => [token, 0]);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [token, level] = next;
    depth = Math.max(depth, level);
    if (token.type === 'document' && token.value !== undefined) open.push([token.value, level]);
    if (!('items' in token)) continue;
    if (token.type !== 'block-seq' && !(token.type === 'flow-collection' && token.start.source === '[')) {
      keys = Math.max(keys, token.items.length);
    }
    for (const item of token.items) {
      if (item.key) open.push([item.key, level + 1]);
      if (item.value) open.push([item.value, level + 1]);
    }
  }
  return { depth, keys };
};

/** The parser's message in the style of the house. */
const reword = (code: string, message: string, rest: string): string =>
  code === 'DUPLICATE_KEY'
    ? `the key ${/^[^\s:]{1,60}/.exec(rest)?.[0] ?? ''} was given before in the same mapping`
    : message.charAt(0).toLowerCase() + message.slice(1);

const LIST = 'begin each item of a list with "- ", all in the same column: "- name: links.example.com"';

/** What the words of the parser mean to a person who does not know YAML; the first that fits is used. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [/^sequence item without|^all sequence items|^a block sequence may not be used as/, LIST],
  [
    /^all mapping items/,
    'begin the keys that belong together in the same column, after the same number of spaces',
  ],
  [
    /^implicit (map )?keys/,
    'write a space after the colon, "region: eu", and "- " before each item of a list, "- name: links.example.com"',
  ],
  [/^nested mappings/, 'put a value that contains ": " in quotes: key: "one: two"'],
  [/^plain value cannot start/, 'put a value that begins with this character in quotes: key: "@value"'],
  [/^flow /, 'close each bracket: [http-01, dns-01] or { name: links.example.com }'],
  [/^tabs are not allowed/, 'indent with spaces'],
];

/** @param given - the hints of the same document: a mistake has many consequences, and one hint is enough */
const hintOf = (code: string, said: string, line: string, given: Set<string>): string => {
  if (code === 'UNEXPECTED_TOKEN' && /\[[0-9A-Fa-f:.]*\]:\d/.test(line)) {
    return ' (put an address that begins with [ in quotes: "[::]:443")';
  }
  const hint = HINTS.find(([words]) => words.test(said))?.[1];
  if (hint === undefined || given.has(hint)) return '';
  given.add(hint);
  return ` (${hint})`;
};

const placeOf = (counter: LineCounter, offset: number): Place => {
  const { line, col } = counter.linePos(offset);
  return { line, column: col };
};

const locator =
  (document: Document, counter: LineCounter) =>
  (path: ConfigPath, part: 'key' | 'value' = 'value'): Place => {
    let offset = document.contents?.range?.[0] ?? 0;
    let node: unknown = document.contents;
    for (const [index, step] of path.entries()) {
      if (isAlias(node)) node = node.resolve(document);
      let keyNode: unknown;
      if (isMap(node)) {
        const pair = node.items.findLast(
          ({ key }) => String(isScalar(key) ? key.value : key) === String(step),
        );
        [keyNode, node] = [pair?.key, pair?.value];
      } else {
        node = isSeq(node) ? node.items[Number(step)] : undefined;
      }
      const wanted = part === 'key' && index === path.length - 1 ? keyNode : (node ?? keyNode);
      const range = (wanted as { range?: readonly number[] } | null | undefined)?.range;
      if (range?.[0] === undefined) break;
      offset = range[0];
    }
    return placeOf(counter, offset);
  };

/** What `toJS` would throw for: too many aliases, or an alias without its anchor. In the order of the text. */
const aliasProblem = (document: Document): { offset: number; message: string } | undefined => {
  let count = 0;
  let found: { offset: number; message: string } | undefined;
  visit(document, {
    Alias: (_key, alias) => {
      count += 1;
      const offset = alias.range?.[0] ?? 0;
      if (count > MOST_ALIASES) found = { offset, message: `more than ${MOST_ALIASES} aliases` };
      else if (alias.resolve(document) === undefined)
        found = { offset, message: `the alias *${alias.source} has no anchor before it` };
      return found === undefined ? undefined : visit.BREAK;
    },
  });
  return found;
};

/** Reads one YAML 1.2 document (JSON is one too). */
export const parseConfigDocument = (text: string): ConfigDocument => {
  const counter = new LineCounter();
  const tokens = [...new Parser(counter.addNewLine).parse(text)];
  const at = (offset: number): Place => placeOf(counter, offset);
  const unusable = (message: string, offset = 0): ConfigDocument => ({
    tree: undefined,
    problems: [{ ...at(offset), message, damaging: true }],
    locate: () => at(offset),
  });

  const { depth, keys } = measure(tokens);
  if (depth > DEEPEST) return unusable(`the document is nested more than ${DEEPEST} levels deep`);
  if (keys > MOST_KEYS) return unusable(`a mapping has more than ${MOST_KEYS} keys`);

  const composer = new Composer({
    version: '1.2',
    lineCounter: counter,
    prettyErrors: false,
    logLevel: 'error',
  });
  const [document, second] = composer.compose(tokens, true, text.length);
  if (document === undefined) return unusable('the document could not be read');
  if (document.directives?.yaml.explicit === true && document.directives.yaml.version !== '1.2') {
    return unusable(`the document asks for YAML ${document.directives.yaml.version}: it is read as YAML 1.2`);
  }

  const lineAt = (line: number): string => text.slice(counter.lineStarts[line - 1], counter.lineStarts[line]);
  const given = new Set<string>();
  const problems = [...document.errors, ...document.warnings].map(
    ({ code, message, pos }): DocumentProblem => {
      const place = at(pos[0]);
      const said = reword(code, message, text.slice(pos[0], pos[0] + 60));
      return {
        ...place,
        message: said + hintOf(code, said, lineAt(place.line), given),
        damaging: code !== 'DUPLICATE_KEY',
      };
    },
  );
  if (second !== undefined) {
    problems.push({
      ...at(second.range[0]),
      message: 'a second document begins here: there may be only one',
      damaging: false,
    });
  }

  const locate = locator(document, counter);
  const alias = aliasProblem(document);
  if (alias !== undefined) {
    problems.push({ ...at(alias.offset), message: alias.message, damaging: true });
    return { tree: undefined, problems, locate };
  }
  try {
    return { tree: document.toJS({ maxAliasCount: MOST_ALIASES }) ?? undefined, problems, locate };
  } catch (error) {
    // Two cases are left: aliases that multiply, and an alias inside its own anchor.
    const message = error instanceof Error ? error.message.toLowerCase() : String(error);
    return { tree: undefined, problems: [...problems, { ...at(0), message, damaging: true }], locate };
  }
};
