// The files that the page loads: style sheet, script and icon. They are read once, when the program starts, and served from memory: an
// upgrade may replace the files of a running program.

import { readFileSync } from 'node:fs';

const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

/** One sheet. The order counts: media.css changes rules of the others. */
export const STYLE = ['ground', 'charts', 'domains', 'events', 'media']
  .map((name) => read(`${name}.css`))
  .join('\n');

export const SCRIPT = read('script.js');

/** An arch with a link through it. */
export const ICON = read('icon.svg');
