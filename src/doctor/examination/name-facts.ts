// What the DNS says of a name: where its aliases lead, its addresses, its CAA records. Facts only; the checks judge them.

import { Resolver } from 'node:dns/promises';
import type { CaaRecord } from '../../core/caa.ts';

/** Each rejects with the errors of node:dns (`code`). */
export interface NameResolver {
  resolve4(name: string): Promise<readonly string[]>;
  resolve6(name: string): Promise<readonly string[]>;
  resolveCname(name: string): Promise<readonly string[]>;
  resolveCaa(name: string): Promise<readonly CaaRecord[]>;
}

export interface NameFacts {
  /** the name, then what each alias leads to; at most eight */
  readonly chain: readonly string[];
  readonly v4: readonly string[];
  readonly v6: readonly string[];
  /** questions that no server answered, as `A: ESERVFAIL` */
  readonly failures: readonly string[];
}

export interface CaaFacts {
  readonly records: readonly CaaRecord[];
  /** whose records they are */
  readonly at: string;
  readonly failure?: string;
}

const QUERY = { timeout: 3_000, tries: 2 } as const;
const MOST_ALIASES = 8;

/** @param servers - `ADDRESS:PORT`; the system's when absent */
export const createNameResolver = (
  servers?: readonly string[],
  query: { readonly timeout: number; readonly tries: number } = QUERY,
): NameResolver => {
  const resolver = new Resolver(query);
  if (servers !== undefined) resolver.setServers([...servers]);
  return {
    resolve4: (name) => resolver.resolve4(name),
    resolve6: (name) => resolver.resolve6(name),
    resolveCname: (name) => resolver.resolveCname(name),
    resolveCaa: async (name) => (await resolver.resolveCaa(name)) as unknown as readonly CaaRecord[],
  };
};

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'UNKNOWN';

/** Empty when there is no such record; what failed goes to `failures`. */
const ask = async <T>(
  type: string,
  query: Promise<readonly T[]>,
  failures: string[],
): Promise<readonly T[]> => {
  try {
    return await query;
  } catch (error) {
    const code = codeOf(error);
    if (code !== 'ENOTFOUND' && code !== 'ENODATA') failures.push(`${type}: ${code}`);
    return [];
  }
};

/** Never rejects. */
export const lookUpName = async (resolver: NameResolver, name: string): Promise<NameFacts> => {
  const failures: string[] = [];
  const aliases = async (): Promise<string[]> => {
    const chain = [name];
    while (chain.length <= MOST_ALIASES) {
      const [next] = await ask('CNAME', resolver.resolveCname(chain.at(-1) ?? name), failures);
      if (next === undefined || chain.includes(next)) break;
      chain.push(next.toLowerCase().replace(/\.$/, ''));
    }
    return chain;
  };
  const [chain, v4, v6] = await Promise.all([
    aliases(),
    ask('A', resolver.resolve4(name), failures),
    ask('AAAA', resolver.resolve6(name), failures),
  ]);
  return { chain, v4, v6, failures: [...new Set(failures)] };
};

/** The relevant record set: of the name (aliases followed), else of its closest parent that has one (RFC 8659 §3). Never rejects. */
export const lookUpCaa = async (resolver: NameResolver, name: string): Promise<CaaFacts> => {
  const labels = name.split('.');
  for (let index = 0; index < labels.length; index += 1) {
    const at = labels.slice(index).join('.');
    const failures: string[] = [];
    const records = await ask('CAA', resolver.resolveCaa(at), failures);
    if (failures[0] !== undefined) return { records: [], at, failure: failures[0] };
    if (records.length > 0) return { records, at };
  }
  return { records: [], at: name };
};
