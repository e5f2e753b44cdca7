// What the DNS says of a name: where its aliases lead and which addresses it has. Preflight, doctor and `linkgate dns` judge a
// name by these facts and no others.

import { followAliases } from './aliases.ts';
import type { DnsAnswer, DnsResolver } from './resolver.ts';

export interface NameFacts {
  /** the name, then what each alias leads to */
  readonly chain: readonly string[];
  /** the aliases lead in a circle, or are more than eight */
  readonly isEndless: boolean;
  readonly v4: readonly string[];
  readonly v6: readonly string[];
  /** questions that no server answered, as `A: ESERVFAIL` */
  readonly failures: readonly string[];
}

/** `A: ESERVFAIL` for a question that no server answered. */
export const failureText = (type: string, { code = 'UNKNOWN' }: NodeJS.ErrnoException): string =>
  `${type}: ${code}`;

/** @throws the reason of `signal` only */
export const lookUpName = async (
  resolver: DnsResolver,
  name: string,
  signal?: AbortSignal,
): Promise<NameFacts> => {
  const [{ chain, isEndless, error }, four, six] = await Promise.all([
    followAliases(resolver, name, signal),
    resolver.ask('A', name, signal),
    resolver.ask('AAAA', name, signal),
  ]);
  const failed = (type: string, answer: DnsAnswer<unknown>): readonly string[] =>
    answer.state === 'failed' ? [failureText(type, answer.error)] : [];
  return {
    chain,
    isEndless,
    v4: four.records.map(({ address }) => address),
    v6: six.records.map(({ address }) => address),
    failures: [
      ...(error === undefined ? [] : [failureText('CNAME', error)]),
      ...failed('A', four),
      ...failed('AAAA', six),
    ],
  };
};

/** `failed`: nobody could say whether the name has an address. */
export type NameState = 'found' | 'endless' | 'failed' | 'absent';

export const nameState = ({ v4, v6, isEndless, failures }: NameFacts): NameState => {
  if (v4.length + v6.length > 0) return 'found';
  if (isEndless) return 'endless';
  return failures.length > 0 ? 'failed' : 'absent';
};
