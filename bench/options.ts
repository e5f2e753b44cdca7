// The words of `npm run bench -- …`: which parts run, on which targets, for how long. Pure.

import { parseArgs } from 'node:util';
import { MODES, type Mode } from './load/spec.ts';

/** What can be measured as well as the modes of the main table. */
export const PARTS = ['workers', 'many', 'idle', 'issuance'] as const;
export type Part = (typeof PARTS)[number];

export interface BenchOptions {
  readonly modes: readonly Mode[];
  readonly parts: readonly Part[];
  /** undefined for all */
  readonly targets: readonly string[] | undefined;
  readonly rounds: number;
  /** before the first round of a mode, all targets that compile while they run at once */
  readonly warmUpMs: number;
  /** before each measurement, and before the first for all others */
  readonly settleMs: number;
  readonly durationMs: number;
  /** numbers of domains in part `many` */
  readonly domains: readonly number[];
  /** held by flock(1) while something is measured, on a machine that is shared */
  readonly lock: string | undefined;
  /** without a file in results/ */
  readonly isDry: boolean;
  /** goes on with what a run of this commit left undone */
  readonly isResumed: boolean;
}

const isOneOf = <T extends string>(all: readonly T[], word: string): word is T =>
  (all as readonly string[]).includes(word);

const listOf = (text: string | undefined): readonly string[] | undefined =>
  text?.split(',').filter((word) => word !== '');

const positive = (name: string, text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${name} must be a whole number above 0, not "${text}"`);
  return value;
};

/**
 * @param args - what stands after `npm run bench --`
 * @throws Error for a word that is not known
 */
export const parseOptions = (args: readonly string[], knownTargets: readonly string[]): BenchOptions => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      targets: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      domains: { type: 'string', default: '1000,10000,100000' },
      lock: { type: 'string' },
      dry: { type: 'boolean', default: false },
      resume: { type: 'boolean', default: false },
    },
  });
  const only = listOf(values.only);
  const targets = listOf(values.targets);
  for (const word of only ?? []) {
    if (!isOneOf(MODES, word) && !isOneOf(PARTS, word)) {
      throw new Error(`--only knows ${[...MODES, ...PARTS].join(', ')}, not "${word}"`);
    }
  }
  for (const word of targets ?? []) {
    if (!isOneOf(knownTargets, word))
      throw new Error(`--targets knows ${knownTargets.join(', ')}, not "${word}"`);
  }
  const { quick } = values;
  return {
    modes: only === undefined ? MODES : MODES.filter((mode) => only.includes(mode)),
    parts: only === undefined ? (quick ? [] : PARTS) : PARTS.filter((part) => only.includes(part)),
    targets,
    rounds: positive('rounds', values.rounds ?? (quick ? '2' : '3')),
    warmUpMs: quick ? 3_500 : 20_000,
    settleMs: quick ? 400 : 1_000,
    durationMs: positive('seconds', values.seconds ?? (quick ? '1' : '4')) * 1_000,
    domains: (listOf(values.domains) ?? []).map((text) => positive('domains', text)),
    lock: values.lock,
    isDry: values.dry,
    isResumed: values.resume,
  };
};
