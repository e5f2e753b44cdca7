// Manual operations on a storage in memory, with a CA that is an ACME CA in all but the protocol.

import type { Issuer } from '../../src/cert/issuers/issuer.ts';
import { createLocalIssuer } from '../../src/cert/local-ca/local-ca.ts';
import { createManualOperations } from '../../src/cert/manual/manual-operations.ts';
import { createIssue } from '../../src/cert/renewal/issue.ts';
import { createNameStates } from '../../src/cert/state/name-state.ts';
import { createCertificateStore } from '../../src/cert/state/store.ts';
import type { LinkgateError } from '../../src/core/errors.ts';
import { createMemoryStorage } from '../../src/storage/memory.ts';
import { fakeClock } from './fake-clock.ts';
import { recorder } from './recorder.ts';

/** the configured names */
export const [a, b] = ['a.example.com', 'b.example.com'] as const;

/** @param problem - what preflight finds */
export const manualOn = (problem?: LinkgateError) => {
  const clock = fakeClock(Date.now());
  const storage = createMemoryStorage();
  const store = createCertificateStore({ storage });
  const states = createNameStates({ storage, store, clock });
  const local = createLocalIssuer({ storage: createMemoryStorage(), keyType: 'ecdsa-p256', clock });
  const revoked: (string | number)[] = [];
  const failing: { error?: LinkgateError } = {};
  const ca: Issuer = {
    source: 'acme',
    issuer: 'test-ca',
    directory: 'https://ca.example/directory',
    obtain: async (name, aborted) => {
      if (failing.error !== undefined) throw failing.error;
      return local.obtain(name, aborted);
    },
    revoke: async ({ serial }, reason) => void revoked.push(serial, reason),
  };
  const { emit } = recorder();
  const random = { value: 0 };
  const operations = createManualOperations({
    names: [a, b],
    storage,
    store,
    issue: createIssue({ storage, store, issuers: [ca], clock, emit }),
    issuers: [ca],
    clock,
    random: () => random.value,
    ...(problem === undefined ? {} : { preflight: async () => problem }),
  });
  const notes = async (): Promise<number> => (await storage.list('changes')).length;
  return { clock, storage, store, states, operations, ca, revoked, notes, failing, random };
};
