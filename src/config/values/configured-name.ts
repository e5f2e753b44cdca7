// The name of a domain as somebody wrote it: normalized, or a line that says what to write instead.

import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { isDomainName, normalizeName } from '../../core/domain-name.ts';
import { quote } from '../text/problems.ts';

export type ConfiguredName = { readonly name: string } | { readonly problem: string };

const explain = (text: string): string => {
  if (text === '') return 'is empty';
  if (text.includes('*')) return `${quote(text)} is a wildcard: each name is listed by itself`;
  if (isIP(text.replaceAll(/^\[|\]$/g, '')) !== 0) return `${quote(text)} is an address: a name is needed`;
  // oxlint-disable-next-line no-control-regex -- everything beyond ASCII is meant
  if (/[^\x00-\x7f]/.test(text)) {
    const ascii = normalizeName(domainToASCII(text));
    if (isDomainName(ascii)) return `${quote(text)} is written in its ASCII form: ${ascii}`;
  }
  return `${quote(text)} is not a domain name such as links.example.com`;
};

/** Checks and normalizes one name. The ASCII form (A-label, RFC 5890 §2.3.2.1) is never guessed in silence. */
export const configuredName = (text: string): ConfiguredName => {
  const name = normalizeName(text);
  // The test for ASCII comes first: toLowerCase turns the Kelvin sign into a plain k.
  // oxlint-disable-next-line no-control-regex -- everything beyond ASCII is meant
  return !/[^\x00-\x7f]/.test(text) && isDomainName(name) ? { name } : { problem: explain(text) };
};
