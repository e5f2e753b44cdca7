// The name of a domain as a person wrote it → the normalized name, or a line that says what to write instead.

import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { isDomainName, normalizeName } from '../../core/domain-name.ts';
import { quote } from '../text/problems.ts';

export type ConfiguredName = { readonly name: string } | { readonly problem: string };

const explain = (text: string): string => {
  if (text === '') return 'is empty';
  if (text.includes('*')) return `${quote(text)} is a wildcard: write each name out`;
  if (isIP(text.replaceAll(/^\[|\]$/g, '')) !== 0) return `${quote(text)} is an address: give a name`;
  // oxlint-disable-next-line no-control-regex -- everything beyond ASCII is meant
  if (/[^\x00-\x7f]/.test(text)) {
    const ascii = normalizeName(domainToASCII(text));
    if (isDomainName(ascii)) return `${quote(text)} must be written in its ASCII form: ${ascii}`;
  }
  return `${quote(text)} is not a domain name such as links.example.com`;
};

/** Checks and normalizes one name. The message shows the ASCII form (A-label, RFC 5890 §2.3.2.1) of a name; it is never used without a word. */
export const configuredName = (text: string): ConfiguredName => {
  const name = normalizeName(text);
  // ASCII is checked first: toLowerCase turns the Kelvin sign into a plain k.
  // oxlint-disable-next-line no-control-regex -- everything beyond ASCII is meant
  return !/[^\x00-\x7f]/.test(text) && isDomainName(name) ? { name } : { problem: explain(text) };
};
