// The certificate part of a keeper in a process of its own, forked by tests that kill it:
// `fork(keeperChild, [STORAGE FOLDER, DIRECTORY, CA FILE, NAME…])`. It sends the name of each event as it happens, and
// kills itself at the event that $KILL_AT names.

import { fileURLToPath } from 'node:url';
import { createIssue } from '../../src/cert/issue.ts';
import { createAcmeIssuer } from '../../src/cert/issuers/acme.ts';
import { Renewal } from '../../src/cert/renew.ts';
import { createCertificateStore } from '../../src/cert/store.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Emit } from '../../src/core/events.ts';
import type { Storage } from '../../src/core/storage.ts';
import { createFileStorage } from '../../src/storage/file.ts';

export const keeperChild = fileURLToPath(import.meta.url);

export interface KeeperOptions {
  readonly storage: Storage;
  readonly ca: { readonly directory: string; readonly caFile: string };
  readonly names: readonly string[];
  readonly emit: Emit;
  readonly onStored?: (name: string) => void;
}

/** The corridor put together as a keeper does, with the system's clock. */
export const createKeeper = ({ storage, ca, names, emit, onStored = () => {} }: KeeperOptions): Renewal => {
  const store = createCertificateStore({ storage });
  const issuer = createAcmeIssuer({
    settings: {
      type: 'acme',
      name: 'test-ca',
      directory: ca.directory,
      caFile: ca.caFile,
      challenges: ['http-01'],
    },
    keyType: 'ecdsa-p256',
    storage,
    clock: systemClock,
  });
  const issue = createIssue({ storage, store, issuers: [issuer], clock: systemClock, emit });
  return new Renewal({ names, store, issue, clock: systemClock, random: Math.random, emit, onStored });
};

const [script, path, directory, caFile, ...names] = process.argv.slice(1);
if (script === keeperChild && path !== undefined && directory !== undefined && caFile !== undefined) {
  const storage = createFileStorage({ path, clock: systemClock });
  await storage.open();
  const emit: Emit = (name) => {
    // at that very moment, before anything that follows
    if (name === process.env['KILL_AT']) process.kill(process.pid, 'SIGKILL');
    process.send?.(name);
  };
  createKeeper({ storage, ca: { directory, caFile }, names, emit }).start();
}
