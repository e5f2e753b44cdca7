// What a run brought, as it is kept in results/: plain data with everything needed to read it later.

import type { Mode } from './load/spec.ts';
import type { Measurement } from './measure.ts';

export interface MainRow {
  readonly target: string;
  readonly mode: Mode;
  /** rounds in their order; undefined where a measurement failed */
  readonly rounds: readonly (Measurement | undefined)[];
}

export interface ManyRow {
  readonly target: string;
  readonly domains: number;
  /** from the start of the program to the first click that is answered on the last domain */
  readonly readyMs: number;
  readonly restPssBytes: number;
  readonly zipf: Measurement;
  readonly uniform: Measurement;
  /** of all processes after both loads */
  readonly loadedPssBytes: number;
  /** until a domain added to the running target serves; undefined where it takes a restart */
  readonly addedMs: number | undefined;
  /** of clicks on another domain meanwhile */
  readonly addedErrors?: Readonly<Record<string, number>>;
  /** of linkgate: what an answer of its admin port takes, mean of five */
  readonly scrape?: { readonly metrics: AdminAnswer; readonly status: AdminAnswer } | undefined;
}

export interface AdminAnswer {
  readonly tookMs: number;
  /** of the whole tree */
  readonly cpuMs: number;
  readonly bytes: number;
}

export interface IdleRow {
  readonly target: string;
  readonly protocol: 'h1' | 'h2';
  readonly connections: number;
  readonly restPssBytes: number;
  readonly heldPssBytes: number;
  /** clicks on all connections afterwards that were answered rightly */
  readonly alive: number;
}

export interface IssuanceRow {
  readonly target: string;
  /** configured at the start, none with a certificate */
  readonly names: number;
  /** of them that answered a handshake with their certificate at the end */
  readonly live: number;
  readonly tookMs: number;
  /** of the whole tree, from its start */
  readonly cpuMs: number;
}

export interface Results {
  readonly date: string;
  readonly commit: string;
  readonly command: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly kernel: string };
  /** undefined: not installed, and so not measured */
  readonly versions: Readonly<Record<string, string | null>>;
  readonly protocol: { readonly rounds: number; readonly durationMs: number; readonly warmUpMs: number };
  readonly main: readonly MainRow[];
  /** linkgate and others with two workers on both cores, beside themselves with one on both cores */
  readonly workers: readonly {
    readonly target: string;
    readonly workers: number;
    readonly rounds: readonly Measurement[];
  }[];
  readonly many: readonly ManyRow[];
  readonly idle: readonly IdleRow[];
  readonly issuance: readonly IssuanceRow[];
}
