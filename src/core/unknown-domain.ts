// The error for a domain name that is not configured, with the configured name that a person probably meant. Reads nothing.

import { LinkgateError } from './errors.ts';
import { nearest } from './nearest.ts';

/** @param configured - the names among which the meant one is looked for */
export const unknownDomain = (domain: string, configured: readonly string[]): LinkgateError => {
  const meant = nearest(domain, configured);
  const hint = meant === undefined ? '' : `: did you mean "${meant}"?`;
  return new LinkgateError('ERR_CERT_UNKNOWN_NAME', `domain "${domain}" is not configured${hint}`, {
    details: { domain },
  });
};
