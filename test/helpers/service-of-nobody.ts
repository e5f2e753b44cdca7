// A proxy that runs as nobody on a storage folder of its own, as a service does, and what root finds next to it.

import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { Test } from 'tap';
import { linkgateAsNobody, NOBODY, writeConfig, type Running } from './linkgate.ts';
import { tempDir } from './temp-dir.ts';

export interface ServiceOfNobody {
  /** anybody may enter it */
  readonly folder: string;
  readonly storage: string;
  readonly config: string;
  /** Starts it; resolves when it serves. */
  start(mounts?: readonly string[]): Promise<Running>;
}

/**
 * A configuration with an internal CA, and a storage folder that belongs to nobody.
 * @param more - keys of the configuration: the domains at least
 * @param place - where the storage lies, below the test's folder
 */
export const serviceOfNobody = (t: Test, more: object, place = 'certs'): ServiceOfNobody => {
  const folder = tempDir(t);
  chmodSync(folder, 0o755);
  const storage = join(folder, place);
  mkdirSync(storage, { recursive: true, mode: 0o700 });
  chownSync(storage, NOBODY, NOBODY);
  const config = writeConfig(folder, {
    listen: { https: '127.0.0.1:0', http: '127.0.0.1:0', admin: '127.0.0.1:0' },
    certificates: { storage: { type: 'file', path: storage }, issuers: [{ type: 'local' }] },
    workers: 1,
    ...more,
  });
  return {
    folder,
    storage,
    config,
    start: async (mounts = []) => {
      const service = linkgateAsNobody(t, ['run', '--config', config], mounts);
      await service.line(({ message }) => message === 'linkgate runs');
      return service;
    },
  };
};

/** Ends it as systemd does; rejects when it does not end well. */
export const stopped = async (service: Running): Promise<void> => {
  service.process.kill('SIGTERM');
  const exit = await service.ended;
  if (exit !== 0)
    throw new Error(`the service ended with ${exit}:\n${service.stdout()}\n${service.stderr()}`);
};

/** Serial of the certificate that a client is shown and has verified, in lower case. */
export const servedSerial = (port: number, servername: string, ca: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername, ca }, () => {
      resolve(socket.getPeerCertificate().serialNumber.toLowerCase());
      socket.destroy();
    });
    socket.once('error', reject);
  });

/** What below a folder, the folder included, does not belong to nobody. */
export const foreignFiles = (folder: string): readonly string[] => {
  const { uid, gid } = lstatSync(folder);
  const own = uid === NOBODY && gid === NOBODY ? [] : [folder];
  const below = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return foreignFiles(path);
    const stats = lstatSync(path);
    return stats.uid === NOBODY && stats.gid === NOBODY ? [] : [path];
  });
  return [...own, ...below];
};
