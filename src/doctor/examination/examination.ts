// The facts about one domain, for its checks: each fact is fetched once, when the first check asks for it. Every way to the outside
// is passed in. Must not judge.

import { lookup } from 'node:dns/promises';
import type { CertificateStatus } from '../../core/certificate-state.ts';
import type { Clock } from '../../core/platform/clock.ts';
import type { DomainSettings, UpstreamSettings } from '../../core/settings.ts';
import type { CaaAsker } from '../../dns/caa.ts';
import { judgeCaa, type CaaJudgement } from '../../dns/caa-judgement.ts';
import { lookUpName, type NameFacts } from '../../dns/name-facts.ts';
import type { DnsResolver } from '../../dns/resolver.ts';
import type { Finding } from './findings.ts';
import type { PreloadList } from './preloaded.ts';
import { probe, type Probe, type ProbeTarget } from './probe.ts';

export interface DoctorPorts {
  readonly http: number;
  readonly https: number;
}

/** What all domains have in common. */
export interface DoctorTools {
  readonly resolver: DnsResolver;
  readonly ports: DoctorPorts;
  /** PEM of the roots that the public trusts */
  readonly roots: readonly string[];
  /** PEM of the roots that the upstream is verified with */
  readonly upstreamRoots: (upstream: UpstreamSettings) => readonly string[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** the configured public CAs; empty: no CAA record matters */
  readonly cas: readonly CaaAsker[];
  /** names that browsers always use https for, with their subdomains */
  readonly preloaded: PreloadList;
}

/** One domain. */
export interface Target {
  readonly domain: DomainSettings;
  readonly upstream: UpstreamSettings;
  /** its state, as the proxy or its storage has it; undefined when neither could be asked */
  readonly certificate?: CertificateStatus;
}

export interface Examination extends Target {
  readonly tools: DoctorTools;
  names(): Promise<NameFacts>;
  caa(): Promise<CaaJudgement>;
  /** one probe per address of the name, IPv6 first */
  http(): Promise<readonly Probe[]>;
  https(): Promise<readonly Probe[]>;
  /** GET / at the tracker, as the proxy would forward it */
  probeUpstream(): Promise<Probe>;
  probe(target: Omit<ProbeTarget, 'name'> & { readonly name?: string }): Promise<Probe>;
}

/** no more are probed: what holds for eight addresses holds for the others */
const MOST_ADDRESSES = 8;

const memo = <T>(make: () => Promise<T>): (() => Promise<T>) => {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
};

/** By the system's resolver: the proxy finds its upstream by it too. */
const probeTracker = async ({ domain, upstream }: Target, tools: DoctorTools): Promise<Probe> => {
  const { hostname, port } = new URL(upstream.origin);
  let address = hostname.replaceAll(/[[\]]/g, '');
  try {
    ({ address } = await lookup(address));
  } catch (error) {
    return { address, connected: false, failure: (error as NodeJS.ErrnoException).code ?? 'not found' };
  }
  return probe(
    {
      address,
      port: port === '' ? 443 : Number(port),
      tls: true,
      name: domain.name,
      serverName: upstream.serverName,
    },
    { roots: tools.upstreamRoots(upstream), signal: tools.signal },
  );
};

export const createExamination = (target: Target, tools: DoctorTools): Examination => {
  const { name } = target.domain;
  const { resolver, cas: askers, roots, signal } = tools;
  const use = { roots, signal };
  const names = memo(() => lookUpName(resolver, name, signal));
  const each = (port: number, tls: boolean) => async (): Promise<readonly Probe[]> => {
    const { v4, v6 } = await names();
    const addresses = [...v6, ...v4].slice(0, MOST_ADDRESSES);
    return Promise.all(addresses.map((address) => probe({ address, port, tls, name }, use)));
  };
  return {
    ...target,
    tools,
    names,
    caa: memo(() => judgeCaa(resolver, { name, askers }, signal)),
    http: memo(each(tools.ports.http, false)),
    https: memo(each(tools.ports.https, true)),
    probeUpstream: memo(() => probeTracker(target, tools)),
    probe: (target) => probe({ name, ...target }, use),
  };
};

/** One check of one domain. May reject: diagnose.ts makes a finding of that. */
export type Check = (examination: Examination) => Promise<readonly Finding[]>;
