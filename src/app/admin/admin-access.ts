// Who may ask the admin port, read from the files that the settings name: at the start and again at each reload, so that a token or a
// certificate is changed without a restart.

import { readFile } from 'node:fs/promises';
import type { Access, AccessRules } from '../../admin/access.ts';
import type { AdminTls } from '../../admin/server.ts';
import { readTokenFile } from '../../config/checks/admin-checks.ts';
import { isLoopback } from '../../config/values/listen-address.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { AdminSettings, ListenAddress } from '../../core/settings.ts';

export interface AdminAccess {
  readonly rules: AccessRules;
  readonly tls?: AdminTls;
}

const unreadable = (problem: string, cause?: unknown): LinkgateError =>
  new LinkgateError('ERR_CONFIG_INVALID', problem, { cause });

const pem = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw unreadable(`file "${path}" cannot be read`, cause);
  }
};

/** @throws LinkgateError `ERR_CONFIG_INVALID` when the file cannot be used any more */
export const readToken = async ({ tokenFile }: AdminSettings): Promise<string | undefined> => {
  if (tokenFile === undefined) return undefined;
  const token = await readTokenFile(tokenFile);
  if ('problem' in token) throw unreadable(`admin.tokenFile ${token.problem}`);
  return token.text;
};

/** @throws LinkgateError `ERR_CONFIG_INVALID` */
export const readAdminAccess = async (admin: AdminSettings = {}): Promise<AdminAccess> => {
  const { tls, metrics, hosts } = admin;
  const token = await readToken(admin);
  const rules: AccessRules = {
    metricsOpen: metrics === 'open',
    ...(token === undefined ? {} : { token }),
    ...(hosts === undefined ? {} : { hosts }),
  };
  if (tls === undefined) return { rules };
  const { certFile, keyFile, clientCaFile } = tls;
  return {
    rules,
    tls: {
      cert: await pem(certFile),
      key: await pem(keyFile),
      ...(clientCaFile === undefined ? {} : { clientCa: await pem(clientCaFile) }),
    },
  };
};

/**
 * A port that other machines reach needs a guard. Only now is known what address a passed socket is bound to.
 * @throws LinkgateError `ERR_CONFIG_INVALID`
 */
export const requireGuard = (address: ListenAddress, { rules, tls }: AdminAccess): void => {
  if (isLoopback(address) || rules.token !== undefined || tls?.clientCa !== undefined) return;
  const where = `${address.host}:${address.port}`;
  throw new LinkgateError(
    'ERR_CONFIG_INVALID',
    `admin socket is open on "${where}", not on loopback: give admin.tokenFile, or admin.tls with a clientCaFile`,
  );
};

/**
 * Reads the token's file again: a client that changed it and asks for a reload sends the new token already. One read at a time; never
 * rejects.
 * @param admin - as it is in force
 * @returns whether another token is demanded now
 */
export const createTokenRefresh = (
  access: Pick<Access, 'setToken'>,
  admin: () => AdminSettings | undefined,
): (() => Promise<boolean>) => {
  let reading: Promise<boolean> | undefined;
  const refresh = async (): Promise<boolean> => {
    try {
      const token = await readToken(admin() ?? {});
      return token !== undefined && access.setToken(token);
    } catch {
      return false;
    } finally {
      reading = undefined;
    }
  };
  return () => (reading ??= refresh());
};
