// What CAA says about a certificate for a name. Preflight, doctor and `linkgate dns` all ask here, with the same inputs, so that
// none of them calls good what another refuses.

import { followAliases } from './aliases.ts';
import { allowingValue, judgeRecords, type CaaAsker, type CaaRecord, type CaaVerdict } from './caa.ts';
import { failureText } from './name-facts.ts';
import type { DnsResolver } from './resolver.ts';

/** The relevant record set (RFC 8659 §3). */
interface CaaFacts {
  readonly records: readonly CaaRecord[];
  /** the name of the climb that has records; the name itself when none has */
  readonly at: string;
  /** `CAA: ESERVFAIL` when the climb ended at a question that no server answered */
  readonly failure?: string;
}

export interface CaaJudgement extends CaaFacts {
  /** `failed`: the records could not be looked up */
  readonly verdict: CaaVerdict | 'failed';
  /** whose records they are: `at`, or where its aliases lead */
  readonly owner: string;
  /** value of an `issue` property that would allow the first CA; empty without a CA */
  readonly allowing: string;
}

/** The records of the name, else of the closest parent that has any. Each name server follows aliases by itself. */
const climb = async (resolver: DnsResolver, name: string, signal?: AbortSignal): Promise<CaaFacts> => {
  const labels = name.split('.');
  for (const start of labels.keys()) {
    const at = labels.slice(start).join('.');
    const answer = await resolver.ask('CAA', at, signal);
    if (answer.state === 'found') return { records: answer.records, at };
    if (answer.state === 'failed') return { records: [], at, failure: failureText('CAA', answer.error) };
  }
  return { records: [], at: name };
};

/** @throws the reason of `signal` only */
export const judgeCaa = async (
  resolver: DnsResolver,
  { name, askers }: { readonly name: string; readonly askers: readonly CaaAsker[] },
  signal?: AbortSignal,
): Promise<CaaJudgement> => {
  const facts = await climb(resolver, name, signal);
  const { records, at, failure } = facts;
  const owner = records.length === 0 ? at : (await followAliases(resolver, at, signal)).chain.at(-1);
  const [asker] = askers;
  return {
    ...facts,
    verdict: failure === undefined ? judgeRecords(records, askers) : 'failed',
    owner: owner ?? at,
    allowing: asker === undefined ? '' : allowingValue(records, asker),
  };
};
