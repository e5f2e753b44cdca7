// The version of the installed package, read once.

import { readFileSync } from 'node:fs';

/** As in package.json, two folders up from here in `src/` and in `dist/` alike. */
export const version = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;
