// A renewal loop on a store and an issuer of the test's making: no keys, no files, no time but the test's.

import type { Test } from 'tap';
import type { Issued } from '../../src/cert/renewal/issue.ts';
import { isEarlyOrder, issuedState } from '../../src/cert/renewal/plan.ts';
import { Renewal, type RenewalOptions } from '../../src/cert/renewal/renewal-loop.ts';
import type { IssuanceState } from '../../src/cert/state/issuance-state.ts';
import type { StoredCertificate } from '../../src/cert/state/store.ts';
import { LinkgateError } from '../../src/core/errors.ts';
import { fakeClock } from './fake-clock.ts';
import { recorder } from './recorder.ts';

const DAY = 86_400_000;

/** Not started yet; stopped when the test ends. */
export const renewalOf = (
  t: Test,
  options: {
    names: readonly string[];
    issue?: (name: string, signal: AbortSignal) => Promise<Issued>;
    stored?: Map<string, StoredCertificate>;
    states?: Map<string, IssuanceState>;
    renewalInfo?: RenewalOptions['renewalInfo'];
    preflight?: RenewalOptions['preflight'];
  },
) => {
  const clock = fakeClock();
  const { emit, of } = recorder();
  const stored = options.stored ?? new Map<string, StoredCertificate>();
  const states = options.states ?? new Map<string, IssuanceState>();
  const asked: string[] = [];
  const told: string[] = [];
  const broken: { storage?: Error } = {};
  /** how often the storage was read, and what a whole read meets once */
  const read = { whole: 0, glances: 0, fails: new Map<string, Error>() };
  const guard = (): void => {
    if (broken.storage !== undefined) throw broken.storage;
  };
  const certificate = (domain: string, lifetimeMs = 90 * DAY, ageMs = 0): StoredCertificate => ({
    domain,
    source: 'acme',
    issuer: 'test-ca',
    keyPem: 'secret',
    chainPem: 'chain',
    serial: `${asked.length}`,
    fingerprint: `${domain} ${asked.length}`,
    notBeforeMs: clock.now() - ageMs,
    notAfterMs: clock.now() - ageMs + lifetimeMs,
  });
  const succeed = async (name: string): Promise<Issued> => {
    const [before, stateBefore] = [stored.get(name), states.get(name)];
    const isEarly = before !== undefined && isEarlyOrder(before, stateBefore, clock.now());
    const fresh = certificate(name);
    stored.set(name, fresh);
    const state = issuedState(stateBefore, { atMs: clock.now(), isEarly });
    states.set(name, state);
    return { certificate: fresh, isNew: true, state };
  };
  const renewal = new Renewal({
    names: options.names,
    clock,
    random: () => 0,
    emit,
    onStored: (name) => void told.push(name),
    ...(options.renewalInfo === undefined ? {} : { renewalInfo: options.renewalInfo }),
    ...(options.preflight === undefined ? {} : { preflight: options.preflight }),
    issue: (name, signal) => {
      asked.push(name);
      return (options.issue ?? succeed)(name, signal);
    },
    store: {
      read: async (name) => {
        guard();
        read.whole += 1;
        const failure = read.fails.get(name);
        if (failure === undefined) return stored.get(name);
        read.fails.delete(name);
        throw failure;
      },
      glance: async (name) => {
        guard();
        read.glances += 1;
        return stored.get(name);
      },
      list: async () => {
        guard();
        return [...stored.keys()];
      },
    },
    states: {
      list: async () => {
        guard();
        return new Set(states.keys());
      },
      read: async (name) => {
        guard();
        return states.get(name);
      },
      update: async (name, _wait, change) => {
        guard();
        const changed = change(states.get(name));
        if (changed !== undefined) states.set(name, changed);
        return changed ?? states.get(name);
      },
    },
  });
  t.teardown(() => renewal.stop());
  return { clock, renewal, asked, told, stored, states, of, certificate, succeed, broken, read };
};

/** An issue that fails as it does for a name nobody can reach. */
export const unreachableName = async (): Promise<Issued> => {
  throw new LinkgateError('ERR_ACME_UNAUTHORIZED', 'validation failed', {
    details: { type: 'urn:ietf:params:acme:error:dns', detail: 'NXDOMAIN', issuer: 'test-ca' },
  });
};
