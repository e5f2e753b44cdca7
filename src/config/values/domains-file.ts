// domainsFile: one name a line, then key=value words; `#` begins a comment. It is made for a hundred thousand names: this file reads
// it directly, because the schema would be too slow.

import type { KeyType, Region } from '../../core/settings.ts';
import { configuredName } from './configured-name.ts';
import { alternatives } from './kinds.ts';
import { nearest } from '../../core/text/nearest.ts';
import { quote } from '../text/problems.ts';
import type { ConfigProblem } from '../../core/error-details.ts';

export interface FileDomain {
  readonly name: string;
  readonly region?: Region;
  readonly redirectHttp: boolean;
  readonly keyType?: KeyType;
  readonly line: number;
}

const KEYS = ['region', 'redirectHttp', 'keyType'];
const KEY_TYPES: readonly KeyType[] = ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048'];

interface Words {
  region?: Region;
  redirectHttp?: boolean;
  keyType?: KeyType;
}

/** Reads `key=value` into `words`. @returns what is wrong with it, or undefined */
const readWord = (text: string, words: Words): { path: string; message: string } | undefined => {
  const [key = '', value] = text.split(/=(.*)/s);
  if (!KEYS.includes(key)) {
    const meant = nearest(key, KEYS);
    const advice = meant === undefined ? `known here: ${KEYS.join(', ')}` : `did you mean ${meant}?`;
    return { path: '', message: `unknown word ${quote(text)}; ${advice}` };
  }
  if (words[key as keyof Words] !== undefined) {
    return { path: key, message: 'is given twice on this line' };
  }
  if (key === 'region') {
    if (value !== 'us' && value !== 'eu') {
      return { path: key, message: `must be us or eu, not ${quote(value ?? '')}` };
    }
    words.region = value;
    return undefined;
  }
  if (key === 'keyType') {
    const keyType = KEY_TYPES.find((known) => known === value);
    if (keyType === undefined) {
      return { path: key, message: `must be ${alternatives(KEY_TYPES)}, not ${quote(value ?? '')}` };
    }
    words.keyType = keyType;
    return undefined;
  }
  if (value !== 'true' && value !== 'false') {
    return { path: key, message: `must be true or false, not ${quote(value ?? '')}` };
  }
  words.redirectHttp = value === 'true';
  return undefined;
};

/**
 * Reads the text of a domainsFile. Lines with a mistake are left out of `domains`; every mistake is in `problems`.
 * @param file - the name of the file as messages show it
 */
export const parseDomainsFile = (
  file: string,
  text: string,
): { domains: FileDomain[]; problems: ConfigProblem[] } => {
  const domains: FileDomain[] = [];
  const problems: ConfigProblem[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const before = problems.length;
    const words: Words = {};
    let name: string | undefined;
    for (const match of line.matchAll(/\S+/g)) {
      const word = match[0];
      if (word.startsWith('#')) break;
      const place = { file, line: index + 1, column: match.index + 1 };
      if (name === undefined) {
        const read = configuredName(word);
        name = 'name' in read ? read.name : '';
        if ('problem' in read) problems.push({ ...place, path: 'name', message: read.problem });
      } else {
        const problem = readWord(word, words);
        if (problem !== undefined) problems.push({ ...place, ...problem });
      }
    }
    if (name !== undefined && problems.length === before) {
      domains.push({ name, redirectHttp: false, ...words, line: index + 1 });
    }
  }
  return { domains, problems };
};
