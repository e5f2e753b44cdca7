// The certificate part of a supervisor in a process of its own, forked by tests that kill it:
// `fork(supervisorChild, [STORAGE FOLDER, DIRECTORY, CA FILE, NAME…])`. It sends the name of each event as it happens, and
// kills itself at the event that $KILL_AT names.

import { fileURLToPath } from 'node:url';
import { createIssue } from '../../src/cert/renewal/issue.ts';
import { AcmeIssuer } from '../../src/cert/acme/acme-issuer.ts';
import { Renewal } from '../../src/cert/renewal/renewal-loop.ts';
import { createNameStates } from '../../src/cert/state/name-state.ts';
import { createCertificateStore } from '../../src/cert/state/store.ts';
import { systemClock } from '../../src/core/platform/clock.ts';
import type { Emit } from '../../src/core/events.ts';
import type { Storage } from '../../src/core/storage.ts';
import { createFileStorage } from '../../src/storage/file.ts';

export const supervisorChild = fileURLToPath(import.meta.url);

export interface SupervisorOptions {
  readonly storage: Storage;
  readonly ca: { readonly directory: string; readonly caFile: string };
  readonly names: readonly string[];
  readonly emit: Emit;
  readonly onStored?: (name: string) => void;
}

/** The path put together as a supervisor does, with the system's clock. */
export const createSupervisor = ({
  storage,
  ca,
  names,
  emit,
  onStored = () => {},
}: SupervisorOptions): Renewal => {
  const store = createCertificateStore({ storage });
  const issuer = new AcmeIssuer({
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
  const clock = systemClock;
  const states = createNameStates({ storage, store, clock });
  return new Renewal({ names, store, states, issue, clock, random: Math.random, emit, onStored });
};

const [script, path, directory, caFile, ...names] = process.argv.slice(1);
if (script === supervisorChild && path !== undefined && directory !== undefined && caFile !== undefined) {
  const storage = createFileStorage({ path, clock: systemClock });
  await storage.open();
  const emit: Emit = (name) => {
    // at that very moment, before anything that follows
    if (name === process.env['KILL_AT']) process.kill(process.pid, 'SIGKILL');
    process.send?.(name);
  };
  createSupervisor({ storage, ca: { directory, caFile }, names, emit }).start();
}
