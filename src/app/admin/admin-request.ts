// How commands on this machine ask the admin port: with the address, the token and the certificates of the configuration that the proxy
// runs with.

import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { get as getPlain, type ClientRequest, type IncomingMessage } from 'node:http';
import { get as getSecured, type RequestOptions } from 'node:https';
import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { LinkgateError } from '../../core/errors.ts';
import type { AdminSettings, ListenAddress } from '../../core/settings.ts';
import { trustedRoots } from '../../core/platform/trusted-roots.ts';
import { readToken } from './admin-access.ts';
import { reach } from '../systemd/probe.ts';

export type AdminGet = (
  path: string,
  signal: AbortSignal,
  onResponse: (response: IncomingMessage) => void,
) => ClientRequest;

const read = async (path: string): Promise<string> => {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new LinkgateError('ERR_CONFIG_UNREADABLE', `file "${path}" cannot be read`, { cause });
  }
};

/** The first name or address of a certificate. */
const nameOf = (certPem: string): string => {
  const names = new X509Certificate(certPem).subjectAltName ?? '';
  return /(?:DNS|IP Address):([^,\s]+)/.exec(names)?.[1] ?? 'localhost';
};

/** The port is asked by its address. Its certificate is verified by the name in the configured one, against its chain and the system's roots. */
const tlsOptions = async (tls: NonNullable<AdminSettings['tls']>): Promise<RequestOptions> => {
  const { certFile, keyFile, clientCaFile, clientCertFile, clientKeyFile } = tls;
  const chain = await read(certFile);
  const name = nameOf(chain);
  const shown =
    clientCaFile === undefined
      ? {}
      : { cert: await read(clientCertFile ?? certFile), key: await read(clientKeyFile ?? keyFile) };
  return {
    ...shown,
    ca: [...trustedRoots(undefined), chain],
    // the file may hold an issuer that is not a root
    allowPartialTrustChain: true,
    minVersion: 'TLSv1.2',
    servername: isIP(name) === 0 ? name : '',
    checkServerIdentity: (_host: string, certificate: PeerCertificate) =>
      checkServerIdentity(name, certificate),
  };
};

/**
 * @param address - `listen.admin`
 * @throws LinkgateError `ERR_CONFIG_*` when a file of `admin` cannot be read
 */
export const createAdminGet = async (
  address: ListenAddress,
  admin: AdminSettings = {},
): Promise<AdminGet> => {
  const token = await readToken(admin);
  const secured = admin.tls === undefined ? undefined : await tlsOptions(admin.tls);
  const base = {
    ...reach(address),
    headers: { Host: 'localhost', ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) },
    agent: false,
  } as const;
  return (path, signal, onResponse) =>
    secured === undefined
      ? getPlain({ ...base, path, signal }, onResponse)
      : getSecured({ ...base, ...secured, path, signal }, onResponse);
};
