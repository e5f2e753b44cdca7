// Preloaded into every process of the tests (.taprc), and into those that they fork: Node 20 cannot load a .ts file by itself.

import * as module from 'node:module';
import process from 'node:process';
import { load } from './typescript-hooks.js';

if (module.registerHooks === undefined) module.register('./typescript-hooks.js', import.meta.url);
else module.registerHooks({ load });

// What a suite starts runs as it does for users, however the suite itself is run. So what tap adds for itself goes no further:
// its loaders, its recorder of coverage, which writes into the project and doubles the time that a process takes, and its choice
// of colours, which follows the terminal.
process.execArgv = process.execArgv
  .filter((arg) => !arg.includes('/@tapjs/'))
  // what is forked may run in another folder
  .map((arg) => (/^--import=.*\/setup\/typescript\.js$/.test(arg) ? `--import=${import.meta.url}` : arg));

globalThis[Symbol.for('process-on-spawn@*:singletonId')]?.unwrap();

const options = (process.env['NODE_OPTIONS'] ?? '')
  .replaceAll(/"?--import=\S*\/@tapjs\/processinfo\/\S*"?/g, '')
  .trim();
if (options === '') delete process.env['NODE_OPTIONS'];
else process.env['NODE_OPTIONS'] = options;

for (const name of ['COLOR', 'FORCE_COLOR', 'NO_COLOR']) delete process.env[name];
