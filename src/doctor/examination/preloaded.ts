// Browsers' HSTS preload list: a name on it, or below one of it, is never asked for over http, whatever anybody sends.
// What is shipped are the names of Chromium's list (net/http/transport_security_state_static.json, BSD-3-Clause) that
// bring their subdomains with them. The list changes daily: `npm run preload` takes up a newer one.

import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';

/** where a person looks up how the list is today */
export const PRELOAD_LOOKUP = 'hstspreload.org';

export interface PreloadList {
  /** of the list, YYYY-MM-DD */
  readonly date: string;
  /** lower-case A-labels */
  readonly names: ReadonlySet<string>;
}

/** The date, then a name a line. */
export const parsePreloadList = (text: string): PreloadList => {
  const [date = '', ...names] = text.split('\n');
  return { date, names: new Set(names) };
};

let list: PreloadList | undefined;

/** The list that came with this version; 0.1 s and 29 MB, once it is asked for: in commands that end soon. */
export const preloadList = (): PreloadList => {
  list ??= parsePreloadList(
    brotliDecompressSync(
      readFileSync(new URL('../../../config/hsts-preload.br', import.meta.url)),
    ).toString(),
  );
  return list;
};
