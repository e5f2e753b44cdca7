// A fresh private key for each certificate. Keeps and prints none.

import { generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import type { KeyType } from '../../core/settings.ts';

const generate = promisify(generateKeyPair);

/** PKCS#8 PEM of a new key. Runs outside the event loop (an RSA key takes about 0.1 s). */
export const createPrivateKeyPem = async (keyType: KeyType): Promise<string> => {
  const { privateKey } =
    keyType === 'rsa-2048'
      ? await generate('rsa', { modulusLength: 2048 })
      : await generate('ec', { namedCurve: keyType === 'ecdsa-p384' ? 'P-384' : 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
};
