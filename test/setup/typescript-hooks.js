// How Node loads a .ts file in the tests: its types taken away once for all processes, kept until the file changes. What tap has
// for it compiles everything again in each process, which was three quarters of the time of all tests.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const CACHE = join(ROOT, 'node_modules', '.cache', 'linkgate-tests');
const require = createRequire(import.meta.url);
const { version } = require('typescript/package.json');

const strip = (path, source) => {
  // needed by the first process that meets a file, and by no other
  const { ModuleKind, ScriptTarget, transpileModule } = require('typescript');
  const { outputText } = transpileModule(source, {
    fileName: path,
    compilerOptions: {
      module: ModuleKind.ESNext,
      target: ScriptTarget.ES2023,
      verbatimModuleSyntax: true,
      inlineSourceMap: true,
    },
  });
  return outputText;
};

const compiled = (path) => {
  const source = readFileSync(path, 'utf8');
  const mark = `// ${version} mappings ${createHash('sha256').update(source).digest('hex')}`;
  const kept = join(CACHE, `${relative(ROOT, path)}.js`);
  try {
    const text = readFileSync(kept, 'utf8');
    if (text.startsWith(mark)) return text.slice(mark.length);
  } catch {
    // not met before
  }
  const text = strip(path, source);
  mkdirSync(dirname(kept), { recursive: true });
  writeFileSync(`${kept}.${process.pid}`, mark + text);
  renameSync(`${kept}.${process.pid}`, kept);
  return text;
};

/** A hook of `node:module`, for both kinds of registration. */
export const load = (url, context, nextLoad) => {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return nextLoad(url, context);
  return { format: 'module', source: compiled(fileURLToPath(url)), shortCircuit: true };
};
