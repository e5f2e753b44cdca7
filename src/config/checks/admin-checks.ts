// Checks the keys of `admin` together with `listen.admin`, and the files that they name. It reads secrets and never shows them.

import { X509Certificate, createPrivateKey } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { caFileProblem } from './ca-file.ts';
import { isLoopback, parseListen } from '../values/listen-address.ts';
import { quote, type ConfigPath } from '../text/problems.ts';
import { readTextFile } from '../text/text-file.ts';

const SHORTEST_TOKEN_BYTES = 16;
const LARGEST_TOKEN_FILE_BYTES = 8 * 1024;
const LARGEST_PEM_BYTES = 1024 * 1024;
/** any access by others, or write access by the group; the group may be that of the service and may read */
const TOO_OPEN = 0o027;

/** The text of a file with a secret, or what is wrong with the file. */
type Secret = { readonly text: string } | { readonly problem: string };

const readSecret = async (path: string, maxBytes: number): Promise<Secret> => {
  const content = await readTextFile(path, maxBytes);
  if ('problem' in content) return content;
  try {
    const mode = (await stat(path)).mode & 0o777;
    if ((mode & TOO_OPEN) === 0) return content;
    const shown = mode.toString(8).padStart(4, '0');
    return { problem: `${quote(path)} has mode ${shown}, open to others: chmod 0640 or less` };
  } catch {
    return { problem: `${quote(path)} is gone` };
  }
};

/**
 * The token in a file, without the line end after it. Never rejects.
 * @param path - absolute
 */
export const readTokenFile = async (path: string): Promise<Secret> => {
  const content = await readSecret(path, LARGEST_TOKEN_FILE_BYTES);
  if ('problem' in content) return content;
  const text = content.text.trim();
  if (Buffer.byteLength(text) < SHORTEST_TOKEN_BYTES) {
    return { problem: `${quote(path)} holds less than ${SHORTEST_TOKEN_BYTES} bytes: openssl rand -hex 32` };
  }
  // RFC 6750 §2.1: what a header field can carry
  if (/^[\w.~+/-]+=*$/.test(text)) return { text };
  return { problem: `${quote(path)} holds more than one word of letters, digits and -._~+/=` };
};

type PairProblem = readonly ['cert' | 'key', string];

/** What is wrong with a certificate and its key, or undefined. Never rejects. */
const pairProblem = async (certFile: string, keyFile: string): Promise<PairProblem | undefined> => {
  const bad = await caFileProblem(certFile);
  if (bad !== undefined) return ['cert', bad];
  const cert = await readTextFile(certFile, LARGEST_PEM_BYTES);
  if ('problem' in cert) return ['cert', cert.problem];
  const key = await readSecret(keyFile, LARGEST_PEM_BYTES);
  if ('problem' in key) return ['key', key.problem];
  try {
    const isPair = new X509Certificate(cert.text).checkPrivateKey(createPrivateKey(key.text));
    return isPair ? undefined : ['key', `${quote(keyFile)} is not the key of the certificate`];
  } catch {
    return ['key', `${quote(keyFile)} holds no private key in PEM without a password`];
  }
};

/** The commands on this machine verify the server by a name in its certificate. */
const namesHost = async (certFile: string): Promise<boolean> => {
  const cert = await readTextFile(certFile, LARGEST_PEM_BYTES);
  return 'text' in cert && /DNS:|IP Address:/.test(new X509Certificate(cert.text).subjectAltName ?? '');
};

export interface AdminCheckParts {
  /** the value at a path of the configuration as written, right or wrong */
  readonly valueAt: (path: ConfigPath) => unknown;
  /** the folder that relative paths start from */
  readonly directory: string;
  readonly report: (path: ConfigPath, message: string) => void;
}

const PAIRS = [
  ['certFile', 'keyFile'],
  ['clientCertFile', 'clientKeyFile'],
] as const;

const checkTls = async ({ valueAt, directory, report }: AdminCheckParts): Promise<void> => {
  const fileAt = (key: string): string | undefined => {
    const value = valueAt(['admin', 'tls', key]);
    return typeof value === 'string' && value !== '' ? resolve(directory, value) : undefined;
  };
  const tell = (key: string, message: string): void => report(['admin', 'tls', key], message);
  const clientCa = fileAt('clientCaFile');
  const badCa = clientCa === undefined ? undefined : await caFileProblem(clientCa);
  if (badCa !== undefined) tell('clientCaFile', badCa);
  for (const [certKey, keyKey] of PAIRS) {
    const [cert, key] = [fileAt(certKey), fileAt(keyKey)];
    if (cert !== undefined && key !== undefined) {
      const problem = await pairProblem(cert, key);
      if (problem !== undefined) tell(problem[0] === 'cert' ? certKey : keyKey, problem[1]);
      else if (certKey === 'certFile' && !(await namesHost(cert))) {
        tell(certKey, `${quote(cert)} names no host (subjectAltName)`);
      }
    } else if (certKey === 'clientCertFile' && cert !== key) {
      // The schema requires the other pair.
      if (cert === undefined) tell(keyKey, `needs ${certKey}, which is missing`);
      else tell(certKey, `needs ${keyKey}, which is missing`);
    }
  }
};

/** Reports what is wrong with `admin`, and an admin port that other machines can reach without a token or a certificate. Never rejects. */
export const checkAdmin = async (parts: AdminCheckParts): Promise<void> => {
  const { valueAt, directory, report } = parts;
  const tokenFile = valueAt(['admin', 'tokenFile']);
  if (typeof tokenFile === 'string' && tokenFile !== '') {
    const token = await readTokenFile(resolve(directory, tokenFile));
    if ('problem' in token) report(['admin', 'tokenFile'], token.problem);
  }
  await checkTls(parts);
  const written = valueAt(['listen', 'admin']);
  const address = typeof written === 'string' ? parseListen('admin', written) : undefined;
  const asks = tokenFile !== undefined || valueAt(['admin', 'tls', 'clientCaFile']) !== undefined;
  if (address !== undefined && !isLoopback(address) && !asks) {
    report(
      ['listen', 'admin'],
      'is open to other machines: give admin.tokenFile, or admin.tls with a clientCaFile',
    );
  }
};
