// Checks the keys of an issuer together, and the files of the secrets that they name. checks.ts calls it. It checks the form of a
// secret and never shows it.

import { resolve } from 'node:path';
import { quote, type ConfigPath } from '../text/problems.ts';
import { readTextFile } from '../text/text-file.ts';

/** CAs that ask for external account binding (RFC 8555 §7.3.4). */
const NEEDS_BINDING: readonly unknown[] = ['zerossl', 'google'];
const MOST_ISSUERS = 16;
const LARGEST_SECRET_BYTES = 64 * 1024;

const SECRETS = [
  [['eab', 'hmacKeyFile'], /^[\w+/-]{16,1000}={0,2}$/, 'an HMAC key in base64url'],
  [['dns', 'keyFile'], /^[A-Za-z0-9+/]{8,1000}={0,2}$/, 'a secret in base64'],
] as const;

export interface IssuerCheckParts {
  /** the value at a path of the configuration as written, right or wrong */
  readonly valueAt: (path: ConfigPath) => unknown;
  /** the folder that relative paths start from */
  readonly directory: string;
  readonly report: (path: ConfigPath, message: string) => void;
}

const checkSecrets = async (
  issuer: ConfigPath,
  { valueAt, directory, report }: IssuerCheckParts,
): Promise<void> => {
  for (const [keys, shape, what] of SECRETS) {
    const path = [...issuer, ...keys];
    const written = valueAt(path);
    if (typeof written !== 'string' || written === '') continue;
    const file = resolve(directory, written);
    const content = await readTextFile(file, LARGEST_SECRET_BYTES);
    if ('problem' in content) report(path, content.problem);
    else if (!shape.test(content.text.trim())) report(path, `${quote(file)} does not hold ${what}`);
  }
};

/** Reports what is wrong with each issuer. Never rejects. */
export const checkIssuers = async (parts: IssuerCheckParts): Promise<void> => {
  const { valueAt, report } = parts;
  const issuers = valueAt(['certificates', 'issuers']);
  for (const index of (Array.isArray(issuers) ? issuers.slice(0, MOST_ISSUERS) : []).keys()) {
    const issuer = ['certificates', 'issuers', index];
    const has = (key: string): boolean => valueAt([...issuer, key]) !== undefined;
    const directory = valueAt([...issuer, 'directory']);
    if (NEEDS_BINDING.includes(directory) && !has('eab')) {
      report(
        [...issuer, 'directory'],
        `${quote(directory)} needs external account binding: give eab next to it`,
      );
    }
    const challenges = valueAt([...issuer, 'challenges']);
    const wantsDns = Array.isArray(challenges) && challenges.includes('dns-01');
    if (wantsDns && !has('dns')) {
      report(
        [...issuer, 'challenges'],
        'has dns-01: give dns next to it, which says where to put the records',
      );
    }
    if (has('dns') && !wantsDns) report([...issuer, 'dns'], 'needs dns-01 among the challenges');
    await checkSecrets(issuer, parts);
  }
};
