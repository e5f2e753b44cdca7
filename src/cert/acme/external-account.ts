// External account binding (RFC 8555 §7.3.4): the key with which a CA that asks for it recognises its customer.

import { readFile } from 'node:fs/promises';
import { LinkgateError } from '../../core/errors.ts';
import type { AcmeIssuerSettings } from '../../core/settings.ts';

/**
 * Reads the key of the binding. No error shows the key.
 * @returns undefined when the settings have none
 * @throws LinkgateError `ERR_ACME_REFUSED`
 */
export const readExternalAccount = async (
  eab: AcmeIssuerSettings['eab'],
): Promise<{ readonly kid: string; readonly hmacKey: string } | undefined> => {
  if (eab === undefined) return undefined;
  const fail = (what: string, cause?: unknown): LinkgateError =>
    new LinkgateError('ERR_ACME_REFUSED', `eab.hmacKeyFile "${eab.hmacKeyFile}" ${what}`, { cause });
  const text = await readFile(eab.hmacKeyFile, 'utf8').catch((error: unknown) => {
    throw fail('cannot be read', error);
  });
  const hmacKey = text.trim();
  if (!/^[\w+/-]{16,1000}={0,2}$/.test(hmacKey)) throw fail('holds no base64url key');
  return { kid: eab.keyId, hmacKey };
};
