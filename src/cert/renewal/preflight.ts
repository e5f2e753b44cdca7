// A look at the DNS before an order, so that one that cannot succeed is not placed: the name has no address anywhere, or its CAA
// records forbid every CA configured. What cannot be found out speaks against nothing: the CA has the last word.

import { Resolver } from 'node:dns/promises';
import { LinkgateError } from '../../core/errors.ts';
import { caaAllows, type CaaAsker, type CaaRecord } from '../../core/caa.ts';

/** Both reject with the errors of node:dns (`code`). */
export interface PreflightResolver {
  resolve4(name: string): Promise<readonly string[]>;
  resolve6(name: string): Promise<readonly string[]>;
  resolveCaa(name: string): Promise<readonly CaaRecord[]>;
}

export interface PreflightOptions {
  readonly resolver: PreflightResolver;
  /** each CA that may be asked; a promise where its account is read first, whose failure speaks against nothing */
  readonly cas: () => Promise<readonly CaaAsker[]>;
  /** false when the name is proved by DNS alone: it then needs no address */
  readonly needsAddress: boolean;
}

export type Preflight = (name: string, signal: AbortSignal) => Promise<LinkgateError | undefined>;

const TIMEOUT_MS = 2_000;
const TRIES = 2;

/** @param servers - `ADDRESS` or `ADDRESS:PORT`; the system's when absent */
export const createPreflightResolver = (
  servers?: readonly string[],
  timeoutMs = TIMEOUT_MS,
): PreflightResolver => {
  const resolver = new Resolver({ timeout: timeoutMs, tries: TRIES });
  if (servers !== undefined) resolver.setServers([...servers]);
  return {
    resolve4: (name) => resolver.resolve4(name),
    resolve6: (name) => resolver.resolve6(name),
    resolveCaa: async (name) => (await resolver.resolveCaa(name)) as unknown as readonly CaaRecord[],
  };
};

/** The name, or such a record of it, does not exist: an answer, unlike a server that fails. */
const ABSENT: readonly unknown[] = ['ENOTFOUND', 'ENODATA'];

/** Empty when there is none, undefined when nobody could say. */
const answers = async <T>(ask: Promise<readonly T[]>): Promise<readonly T[] | undefined> => {
  try {
    return await ask;
  } catch (error) {
    return ABSENT.includes((error as NodeJS.ErrnoException).code) ? [] : undefined;
  }
};

const unready = (name: string, detail: string, remedy: string): LinkgateError =>
  new LinkgateError('ERR_CERT_NAME_UNREADY', `name "${name}" ${detail}`, {
    details: { domain: name, remedy },
  });

/**
 * Nothing is concluded from which address a name has: behind NAT, a load balancer or a CDN this machine cannot know its own.
 * @returns what speaks against an order, undefined when nothing is known to. Never rejects.
 */
export const createPreflight = ({ resolver, cas, needsAddress }: PreflightOptions): Preflight => {
  const hasAddress = async (name: string): Promise<boolean> => {
    const found = await Promise.all([answers(resolver.resolve4(name)), answers(resolver.resolve6(name))]);
    return found.some((addresses) => addresses === undefined || addresses.length > 0);
  };

  /** The relevant record set: of the name, else of the closest parent that has one (RFC 8659 §3). */
  const relevant = async (name: string): Promise<{ records: readonly CaaRecord[]; at: string }> => {
    const labels = name.split('.');
    for (let index = 0; index < labels.length; index += 1) {
      const at = labels.slice(index).join('.');
      const records = await answers(resolver.resolveCaa(at));
      if (records === undefined) break;
      if (records.length > 0) return { records, at };
    }
    return { records: [], at: name };
  };

  return async (name, signal) => {
    if (needsAddress && !(await hasAddress(name))) {
      return unready(
        name,
        'has no address: it does not exist in the DNS, or has neither A nor AAAA record',
        'point the name at this proxy: a CNAME, or A and AAAA records',
      );
    }
    if (signal.aborted) return undefined;
    const { records, at } = await relevant(name);
    if (records.length === 0) return undefined;
    const askers = await cas().catch(() => []);
    if (askers.length === 0 || askers.some((asker) => caaAllows(records, asker))) return undefined;
    const wanted = [...new Set(askers.map(({ identities }) => identities[0] ?? ''))];
    return unready(
      name,
      `must not be issued by ${wanted.map((identity) => `"${identity}"`).join(' or ')}: the CAA records of "${at}" forbid it`,
      `add to "${at}": CAA 0 issue "${wanted[0] ?? ''}"`,
    );
  };
};
