// The certificate part of a supervisor on a folder, against the test CA, with a clock that can be set ahead: what tests of the whole
// renewal path stand on.

import type { Test } from 'tap';
import { createManualOperations } from '../../src/cert/manual/manual-operations.ts';
import { watchChanges } from '../../src/cert/state/changes.ts';
import { createIssue } from '../../src/cert/renewal/issue.ts';
import { AcmeIssuer } from '../../src/cert/acme/acme-issuer.ts';
import { Renewal } from '../../src/cert/renewal/renewal-loop.ts';
import { createNameStates } from '../../src/cert/state/name-state.ts';
import { createCertificateStore } from '../../src/cert/state/store.ts';
import { systemClock } from '../../src/core/platform/clock.ts';
import type { AcmeIssuerSettings } from '../../src/core/settings.ts';
import { createFileStorage } from '../../src/storage/file.ts';
import { acmeCa, type AcmeCa, type AcmeCaOptions } from './acme-ca.ts';
import { challengeServer } from './challenge-server.ts';
import { recorder } from './recorder.ts';
import { tempDir } from './temp-dir.ts';

/** the one name it has */
export const name = 'links.example.com';

/** A supervisor on the folder, as app/supervisor/supervisor.ts puts one together, with a clock that can be set ahead. */
export const supervisorOn = async (
  t: Test,
  path: string,
  ca: Pick<AcmeCa, 'directory' | 'caFile'>,
  more: Partial<AcmeIssuerSettings> & { readonly requestTimeoutMs?: number } = {},
) => {
  const { requestTimeoutMs = 30_000, ...settingsMore } = more;
  const ahead = { ms: 0 };
  const clock = { ...systemClock, now: () => Date.now() + ahead.ms };
  const storage = createFileStorage({ path, clock });
  await storage.open();
  const store = createCertificateStore({ storage });
  const states = createNameStates({ storage, store, clock });
  const { emit, of } = recorder();
  const settings = {
    type: 'acme',
    name: 'test-ca',
    directory: ca.directory,
    caFile: ca.caFile,
    challenges: ['http-01'],
    ...settingsMore,
  } satisfies AcmeIssuerSettings;
  const issuers = [new AcmeIssuer({ settings, keyType: 'ecdsa-p256', storage, clock, requestTimeoutMs })];
  const issue = createIssue({ storage, store, issuers, clock, emit });
  const create = (): Renewal =>
    new Renewal({
      names: [name],
      store,
      states,
      issue,
      clock,
      random: Math.random,
      emit,
      onStored: () => undefined,
      renewalInfo: async (certificate, signal) => issuers[0]?.renewalInfo?.(certificate, signal),
    });
  const renewal = create();
  const stop = new AbortController();
  t.teardown(async () => {
    stop.abort();
    await renewal.stop();
  });
  const start = (): void => {
    renewal.start();
    const onChange = (one: string): void => renewal.reread(one);
    void watchChanges({ storage, clock, emit, onChange }, stop.signal);
  };
  const operations = createManualOperations({ names: [name], storage, store, issue, issuers, clock });
  const serial = (): string | null | undefined => renewal.status()[0]?.serial;
  /** the clock goes on, and the loop reads it now */
  const later = (ms: number): void => {
    ahead.ms += ms;
    renewal.reread(name);
  };
  return { storage, store, states, clock, emit, of, renewal, start, operations, serial, later };
};

/** A folder, and a CA that finds the answers in it. */
export const folderAndCa = async (t: Test, options: AcmeCaOptions = {}) => {
  const path = tempDir(t);
  const storage = createFileStorage({ path, clock: systemClock });
  await storage.open();
  const ca = await acmeCa(t, { httpPort: await challengeServer(t, storage), ...options });
  return { path, ca };
};
