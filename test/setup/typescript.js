// Preloaded into every process of the tests (.taprc), and into those that they fork: Node 20 cannot load a .ts file by itself.

import * as module from 'node:module';
import process from 'node:process';
import { load } from './typescript-hooks.js';

if (module.registerHooks === undefined) module.register('./typescript-hooks.js', import.meta.url);
else module.registerHooks({ load });

// what is forked may run elsewhere, and mocks nothing
process.execArgv = process.execArgv
  .filter((arg) => !arg.includes('/@tapjs/'))
  .map((arg) => (/^--import=.*\/setup\/typescript\.js$/.test(arg) ? `--import=${import.meta.url}` : arg));

// where no coverage is asked for, what the tests start runs as it does for users: tap's recorder doubles the time that each takes
if (process.env['_TAPJS_PROCESSINFO_COVERAGE_'] === '0') {
  globalThis[Symbol.for('process-on-spawn@*:singletonId')]?.unwrap();
  process.env['NODE_OPTIONS'] = (process.env['NODE_OPTIONS'] ?? '').replaceAll(
    /"?--import=\S*\/@tapjs\/processinfo\/\S*"?/g,
    '',
  );
}
