// The HSTS preload list of browsers: browsers never use http for a name on it, or for a name below one of them.
// The package has the names of Chromium's list (net/http/transport_security_state_static.json, BSD-3-Clause) that include their
// subdomains. The list changes daily: `npm run preload` fetches a newer one.

import { readFileSync } from 'node:fs';
import { brotliDecompressSync } from 'node:zlib';

/** where a person finds today's list */
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

/** The list of this version. The first call takes 0.1 s and 29 MB: only for commands that end soon. */
export const preloadList = (): PreloadList => {
  list ??= parsePreloadList(
    brotliDecompressSync(
      readFileSync(new URL('../../../config/hsts-preload.br', import.meta.url)),
    ).toString(),
  );
  return list;
};
