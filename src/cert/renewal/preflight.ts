// What the DNS says before an order, so that an order that cannot succeed is not placed: the name has no address, or its CAA records
// forbid every configured CA. What nobody can say speaks against nothing: the CA has the last word.

import { LinkgateError } from '../../core/errors.ts';
import { ENDLESS } from '../../dns/aliases.ts';
import type { CaaAsker } from '../../dns/caa.ts';
import { judgeCaa } from '../../dns/caa-judgement.ts';
import { lookUpName, nameState } from '../../dns/name-facts.ts';
import type { DnsResolver } from '../../dns/resolver.ts';

export interface PreflightOptions {
  readonly resolver: DnsResolver;
  /** each CA that may be asked, with its account as the storage has it now; a failure speaks against nothing */
  readonly cas: () => Promise<readonly CaaAsker[]>;
  /** false when the name is proved by DNS alone: it then needs no address */
  readonly needsAddress: boolean;
}

export type Preflight = (name: string, signal: AbortSignal) => Promise<LinkgateError | undefined>;

const unready = (name: string, detail: string, remedy: string): LinkgateError =>
  new LinkgateError('ERR_CERT_NAME_UNREADY', `name "${name}" ${detail}`, {
    details: { domain: name, remedy },
  });

/**
 * Nothing is concluded from which address a name has: behind NAT, a load balancer or a CDN this machine cannot know its own.
 * @returns what speaks against an order, undefined when nothing is known to. Never rejects.
 */
export const createPreflight = ({ resolver, cas, needsAddress }: PreflightOptions): Preflight => {
  const checkAddress = async (name: string, signal: AbortSignal): Promise<LinkgateError | undefined> => {
    const state = nameState(await lookUpName(resolver, name, signal));
    if (state === 'endless')
      return unready(name, `has no address: its ${ENDLESS}`, 'correct its CNAME records');
    if (state !== 'absent') return undefined;
    return unready(
      name,
      'has no address: it does not exist in the DNS, or has neither A nor AAAA record',
      'point the name at this proxy: a CNAME, or A and AAAA records',
    );
  };

  const checkCaa = async (name: string, signal: AbortSignal): Promise<LinkgateError | undefined> => {
    const askers = await cas().catch(() => []);
    if (askers.length === 0) return undefined;
    const { verdict, owner, allowing } = await judgeCaa(resolver, { name, askers }, signal);
    // `unsure`: the order registers the account whose URL the record has to name
    if (verdict !== 'forbidden') return undefined;
    const wanted = [...new Set(askers.map(({ identities }) => `"${identities[0] ?? ''}"`))];
    return unready(
      name,
      `must not be issued by ${wanted.join(' or ')}: the CAA records of "${owner}" forbid it`,
      `add to "${owner}": CAA 0 issue "${allowing}"`,
    );
  };

  return async (name, signal) => {
    try {
      const [address, caa] = await Promise.all([
        needsAddress ? checkAddress(name, signal) : undefined,
        checkCaa(name, signal),
      ]);
      return address ?? caa;
    } catch {
      // stopped by `signal`
      return undefined;
    }
  };
};
