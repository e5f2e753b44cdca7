// The version of this package, for --version, metrics and status.

import { readFileSync } from 'node:fs';

/** `version` of package.json, which is three folders above this file in src/ and in dist/. */
export const packageVersion = (): string => {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
};
