// What all manual operations work with. Types only.

import type { Clock, Random } from '../../core/platform/clock.ts';
import type { Storage } from '../../core/storage.ts';
import type { Issuer } from '../issuers/issuer.ts';
import type { Issue } from '../renewal/issue.ts';
import type { Preflight } from '../renewal/preflight.ts';
import type { NameStates } from '../state/name-state.ts';
import type { CertificateStore } from '../state/store.ts';

export interface ManualContext {
  /** configured, lower-case A-labels */
  readonly names: readonly string[];
  readonly storage: Storage;
  readonly store: CertificateStore;
  readonly states: NameStates;
  readonly issue: Issue;
  readonly issuers: readonly Issuer[];
  readonly clock: Clock;
  readonly random?: Random;
  readonly preflight?: Preflight;
}
