// Host names in the form that the program uses: A-labels, lower case, no trailing dot (RFC 1123 §2.1, RFC 5890 §2.3.2.1).

import { LinkgateError } from './errors.ts';
import { nearest } from './text/nearest.ts';

const CAPITALS = /[A-Z]+/g;
const LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

/**
 * Lower case, without one trailing dot. It does not check the name. Only ASCII letters change: String.toLowerCase
 * would turn the Kelvin sign (U+212A) into a plain `k`, and another name into a configured one.
 */
export const normalizeName = (text: string): string => {
  // Most names have no capitals.
  const lower = text.search(CAPITALS) < 0 ? text : text.replaceAll(CAPITALS, (all) => all.toLowerCase());
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
};

/**
 * Whether `name` (normalized) can have a public certificate and a Host field: two or more LDH labels,
 * 253 octets at most, a top-level label that is not all digits (so no IPv4 address passes).
 */
export const isDomainName = (name: string): boolean => {
  if (name.length > 253) return false;
  const labels = name.split('.');
  return (
    labels.length >= 2 && labels.every((label) => LABEL.test(label)) && !/^\d+$/.test(labels.at(-1) ?? '')
  );
};

/**
 * The error for a name that is not configured, with the configured name that a person probably meant.
 * @param configured - the names among which the meant one is searched
 */
export const unknownDomain = (domain: string, configured: readonly string[]): LinkgateError => {
  const meant = nearest(domain, configured);
  const hint = meant === undefined ? '' : `: did you mean "${meant}"?`;
  return new LinkgateError('ERR_CERT_UNKNOWN_NAME', `domain "${domain}" is not configured${hint}`, {
    details: { domain },
  });
};
