// The call paths of docs/architecture.md: its tables, read as steps, and compared with the source by the compiler's own parser.
// A step names a file, a function in it, and the step that calls it. test/project/call-paths.ts runs it.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import ts from 'typescript';

export interface Step {
  readonly number: number;
  /** relative to the project */
  readonly file: string;
  /** `function`, `Class.method`, `Class.#method`, `Class.constructor` or `function.innerFunction` */
  readonly name: string;
  /** number of the step that calls this one; 0 for the first */
  readonly caller: number;
  /** how the call crosses: directly, or by a port or an event of this name */
  readonly by: 'call' | 'port' | 'event';
  readonly word: string;
}

const ROW =
  /^\| *(\d+) *\| *`([^`]+)` *\| *`([^`]+)` *\| *(?:(\d+)(?: *\((port|event): `?([^`)]+)`?\))?|—) *\|/;

/** The steps of the first table below a heading; its files are below `src/`. */
export const readSteps = (page: string, heading: string): readonly Step[] => {
  const lines = page.split('\n');
  const start = lines.indexOf(heading);
  if (start < 0) return [];
  const steps: Step[] = [];
  for (const line of lines.slice(start + 1)) {
    if (/^#{1,6} /.test(line)) break;
    const row = ROW.exec(line);
    if (row === null) continue;
    const [, number, file = '', name = '', caller = '0', by = 'call', word = ''] = row;
    steps.push({
      number: Number(number),
      file: `src/${file}`,
      name,
      caller: Number(caller),
      by: by as Step['by'],
      word,
    });
  }
  return steps;
};

interface Mention {
  readonly kind: 'call' | 'name' | 'string';
  readonly text: string;
}

type Body = ts.FunctionLikeDeclaration | ts.ClassDeclaration;

interface Parsed {
  /** by `function`, `Class.method`, `function.inner` */
  readonly bodies: ReadonlyMap<string, ts.Node>;
  readonly imports: ReadonlySet<string>;
  readonly mentions: readonly Mention[];
}

/** functions that use each other many times over are not followed for ever */
const LONGEST_TRACE = 200_000;

const bare = (name: string): string => name.replace(/^#/, '');

const isFunction = (node: ts.Node | undefined): node is ts.FunctionLikeDeclaration =>
  node !== undefined &&
  (ts.isArrowFunction(node) || ts.isFunctionExpression(node) || ts.isFunctionDeclaration(node));

/** A declaration that gives a function a name: its name and the function. */
const namedFunction = (node: ts.Node): readonly [string, Body] | undefined => {
  if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && isFunction(node.initializer))
    return [node.name.text, node.initializer];
  if (ts.isFunctionDeclaration(node) && node.name !== undefined) return [node.name.text, node];
  if (ts.isMethodDeclaration(node) && ts.isClassLike(node.parent)) return [node.name.getText(), node];
  if (ts.isConstructorDeclaration(node)) return ['constructor', node];
  if (ts.isPropertyDeclaration(node) && isFunction(node.initializer))
    return [node.name.getText(), node.initializer];
  return undefined;
};

/** A function in an object that another one returns or passes on: a step may name it, and it counts where it is written. */
const memberFunction = (node: ts.Node): readonly [string, Body] | undefined => {
  if (ts.isPropertyAssignment(node) && isFunction(node.initializer))
    return [node.name.getText(), node.initializer];
  return ts.isMethodDeclaration(node) && ts.isObjectLiteralExpression(node.parent)
    ? [node.name.getText(), node]
    : undefined;
};

const bodiesOf = (source: ts.SourceFile): ReadonlyMap<string, ts.Node> => {
  const bodies = new Map<string, ts.Node>();
  const walk = (node: ts.Node, outer: string): void => {
    const named = namedFunction(node);
    const isClass = ts.isClassDeclaration(node) && node.name !== undefined;
    const name = isClass ? node.name.text : named?.[0];
    if (name !== undefined) {
      const full = outer === '' ? name : `${outer}.${name}`;
      bodies.set(full, named?.[1] ?? node);
      ts.forEachChild(node, (child) => walk(child, full));
      return;
    }
    const member = memberFunction(node);
    if (member !== undefined && outer !== '') {
      const full = `${outer}.${member[0]}`;
      if (!bodies.has(full)) bodies.set(full, member[1]);
      ts.forEachChild(node, (child) => walk(child, full));
      return;
    }
    ts.forEachChild(node, (child) => walk(child, outer));
  };
  walk(source, '');
  return bodies;
};

const mentionOf = (node: ts.Node): Mention | undefined => {
  if (ts.isStringLiteral(node)) return { kind: 'string', text: node.text };
  if (ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) {
    const { parent } = node;
    const isCallee =
      (ts.isCallExpression(parent) || ts.isNewExpression(parent)) && parent.expression === node
        ? true
        : ts.isPropertyAccessExpression(parent) &&
          parent.name === node &&
          ts.isCallExpression(parent.parent) &&
          parent.parent.expression === parent;
    return { kind: isCallee ? 'call' : 'name', text: bare(node.text) };
  }
  return undefined;
};

const parsed = new Map<string, Parsed>();

/** Each file is read once: nothing changes it while the suite runs. */
const parseFile = (path: string): Parsed => {
  const known = parsed.get(path);
  if (known !== undefined) return known;
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.ES2023, true);
  const mentions: Mention[] = [];
  const walk = (node: ts.Node): void => {
    const mention = mentionOf(node);
    if (mention !== undefined) mentions.push(mention);
    ts.forEachChild(node, walk);
  };
  walk(source);
  const imports = ts.preProcessFile(source.text, true, true).importedFiles.map(({ fileName }) => fileName);
  const file = { bodies: bodiesOf(source), imports: new Set(imports), mentions };
  parsed.set(path, file);
  return file;
};

/**
 * What a function mentions, in the order in which it runs: an inner function or a function of the same file counts where it is
 * first used, and not where it is written.
 */
const traceOf = (name: string, { bodies }: Parsed): readonly Mention[] => {
  const trace: Mention[] = [];
  /** those that are being walked: a function that calls itself is entered once */
  const entered = new Set<ts.Node>();
  /** the function that a word means, from the innermost scope outwards; a word behind `this.` is a method */
  const find = (word: string, scope: string): readonly [string, ts.Node] | undefined => {
    for (let outer = scope; ; outer = outer.slice(0, Math.max(0, outer.lastIndexOf('.')))) {
      const full = outer === '' ? word : `${outer}.${word}`;
      const body = bodies.get(full);
      if (body !== undefined && ts.isClassDeclaration(body)) {
        const made = bodies.get(`${full}.constructor`);
        return made === undefined ? undefined : [`${full}.constructor`, made];
      }
      if (body !== undefined) return [full, body];
      if (outer === '') return undefined;
    }
  };
  const enter = (full: string, body: ts.Node): void => {
    if (entered.has(body) || trace.length > LONGEST_TRACE) return;
    entered.add(body);
    ts.forEachChild(body, (child) => walk(child, full));
    entered.delete(body);
  };
  const walk = (node: ts.Node, scope: string): void => {
    // counts where it is used
    if (namedFunction(node) !== undefined) return;
    const mention = mentionOf(node);
    if (mention !== undefined) trace.push(mention);
    const isProperty = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node;
    const isOwn =
      !isProperty ||
      (ts.isPropertyAccessExpression(node.parent) &&
        node.parent.expression.kind === ts.SyntaxKind.ThisKeyword);
    if ((ts.isIdentifier(node) || ts.isPrivateIdentifier(node)) && isOwn) {
      const found = find(node.text, scope);
      if (found !== undefined) enter(...found);
    }
    ts.forEachChild(node, (child) => walk(child, scope));
  };
  const body = bodies.get(name);
  if (body !== undefined) enter(name, body);
  return trace;
};

/** The word with which a function is called: `new Class` for a constructor. */
const wordOf = (name: string): string => {
  const parts = name.split('.');
  const last = parts.at(-1) ?? '';
  return bare(last === 'constructor' ? (parts.at(-2) ?? '') : last);
};

const importsFile = (from: string, to: string, { imports }: Parsed): boolean =>
  from === to || [...imports].some((specifier) => posix.join(dirname(from), specifier) === to);

/** Whether a mention is of the port or event: a port may be named by its type, or by the name of a value of it. */
const isOf =
  ({ by, word }: Step) =>
  ({ kind, text }: Mention): boolean =>
    by === 'event'
      ? kind === 'string' && text === word
      : kind !== 'string' && text.toLowerCase() === word.toLowerCase();

/** Where in the caller's trace a step is called, not before `after`; a complaint when it is not. */
const findCall = (
  step: Step,
  { caller, after }: { readonly caller: Step; readonly after: number },
  parse: (file: string) => Parsed,
): { readonly at: number } | { readonly wrong: string } => {
  const from = parse(caller.file);
  const trace = traceOf(caller.name, from);
  const where = `${caller.name} (step ${caller.number})`;
  if (step.by === 'call') {
    const word = wordOf(step.name);
    const isCall = ({ kind, text }: Mention): boolean => kind === 'call' && text === word;
    if (!trace.some(isCall)) return { wrong: `${where} does not call it` };
    if (!importsFile(caller.file, step.file, from))
      return { wrong: `${caller.file} does not import ${step.file}` };
    const at = trace.findIndex((mention, index) => index > after && isCall(mention));
    return at < 0 ? { wrong: `${where} calls it before the step above` } : { at };
  }
  const isMeant = isOf(step);
  // a type stands in the caller's file, outside of its functions
  const isType = /^[A-Z]/.test(step.word);
  const isHere = (isType ? from.mentions : trace).some(isMeant);
  if (!isHere) return { wrong: `${where} has no ${step.by} "${step.word}"` };
  return parse(step.file).mentions.some(isMeant)
    ? { at: after }
    : { wrong: `${step.file} has no ${step.by} "${step.word}"` };
};

/**
 * Compares steps with the source.
 * 1. They are numbered without a gap, and only the first has no caller. 2. Each function exists in its file.
 * 3. Each is called by its caller: directly, or by a port or an event that both files name. 4. Direct calls of one caller stand in
 * the order in which it makes them.
 * @returns complaints as `step 3, name: what is wrong`
 */
export const checkSteps = (root: string, steps: readonly Step[]): readonly string[] => {
  const parse = (file: string): Parsed => parseFile(join(root, file));
  const exists = ({ file, name }: Step): boolean =>
    existsSync(join(root, file)) && parse(file).bodies.has(name);
  const calledAt = new Map<number, number>();
  return steps.flatMap((step, index) => {
    const complain = (what: string): readonly string[] => [`step ${step.number}, ${step.name}: ${what}`];
    if (step.number !== index + 1) return complain(`stands in place ${index + 1}`);
    if (!exists(step)) return complain(`is not in ${step.file}`);
    if (index === 0) return step.caller === 0 ? [] : complain('is the first and has a caller');
    const caller = steps.find(({ number }) => number === step.caller);
    if (caller === undefined || caller.number >= step.number) return complain('has no caller above it');
    if (!exists(caller)) return [];
    const found = findCall(step, { caller, after: calledAt.get(caller.number) ?? -1 }, parse);
    if ('wrong' in found) return complain(found.wrong);
    calledAt.set(caller.number, found.at);
    return [];
  });
};
