// What a target of the bench is: a proxy that terminates TLS for N domains and forwards to one upstream over verified TLS.

import type { DomainFiles } from '../certificates.ts';
import type { Program } from '../program.ts';

export interface TargetOptions {
  readonly domains: DomainFiles;
  readonly upstreamPort: number;
  /** PEM file that the upstream is verified with */
  readonly rootFile: string;
  /** for its configuration; removed after the run */
  readonly folder: string;
  readonly cores: string;
  readonly workers: number;
}

export interface RunningTarget extends Program {
  /** where it serves https */
  readonly port: number;
  /** where linkgate shows its metrics */
  readonly adminPort?: number;
  /**
   * Makes it serve a domain whose certificate was just put into the folder of the domains; undefined where a target
   * has no way but a restart.
   */
  readonly addDomain?: (name: string) => Promise<void>;
}

export interface Target {
  readonly name: string;
  /** it compiles while it runs, so it needs a longer warm-up */
  readonly isJit: boolean;
  readonly speaksHttp2: boolean;
  /** undefined when it is not installed */
  version(): string | undefined;
  /** most domains it can sensibly be given */
  readonly mostDomains: number;
  start(options: TargetOptions): Promise<RunningTarget>;
}
