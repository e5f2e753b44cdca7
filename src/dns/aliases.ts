// Where the aliases of a name lead (CNAME, RFC 1034 §3.6.2). The only alias walk. Must not ask for anything but CNAME records.

import type { DnsError, DnsResolver } from './resolver.ts';

export interface AliasChain {
  /** the name, then what each alias leads to */
  readonly chain: readonly string[];
  /** the aliases lead in a circle, or are more than eight */
  readonly isEndless: boolean;
  /** why nobody could say whether the last name of the chain is an alias */
  readonly error?: DnsError;
}

const MOST_ALIASES = 8;
/** what an endless chain is called in messages */
export const ENDLESS = 'aliases lead in a circle, or are more than eight';

/** @throws the reason of `signal` only */
export const followAliases = async (
  resolver: DnsResolver,
  name: string,
  signal?: AbortSignal,
): Promise<AliasChain> => {
  const chain = [name];
  let at = name;
  for (;;) {
    const answer = await resolver.ask('CNAME', at, signal);
    const [next] = answer.records;
    if (next === undefined) {
      return { chain, isEndless: false, ...(answer.state === 'failed' ? { error: answer.error } : {}) };
    }
    if (chain.includes(next) || chain.length > MOST_ALIASES) return { chain, isEndless: true };
    chain.push(next);
    at = next;
  }
};
