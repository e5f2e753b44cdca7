// The name has addresses, and this proxy answers at all of them. Behind NAT or a load balancer a machine does not know its own
// addresses; it knows the certificate that it serves.

import { ENDLESS } from '../../dns/aliases.ts';
import { nameState, type NameFacts } from '../../dns/name-facts.ts';
import type { Check } from '../examination/examination.ts';
import { finding, good, type Finding } from '../examination/findings.ts';
import type { Probe } from '../examination/probe.ts';

/** Customer.io's trackers: the links of a name that is an alias of one reach no proxy. */
const TRACKERS = /(^|\.)(customeriomail\.com|customer\.io)$/;

const show = (probe: Probe): string => {
  const { address, certificate, failure } = probe;
  if (!probe.connected) return `${address}: no connection (${failure ?? '?'})`;
  return certificate === undefined
    ? `${address}: no certificate (${failure ?? '?'})`
    : `${address}: certificate ${certificate.serial} of ${certificate.issuer}`;
};

/** The IPv6 addresses that give no response while an IPv4 address does. */
const strayIpv6 = (probes: readonly Probe[]): readonly Probe[] => {
  const four = probes.filter(({ address }) => !address.includes(':'));
  const worksOnFour = four.some(({ response }) => response !== undefined);
  return probes.filter(
    ({ address, response }) => address.includes(':') && response === undefined && worksOnFour,
  );
};

/** A name without an address; undefined for one that has any. */
const judgeAbsence = (name: string, facts: NameFacts, evidence: readonly string[]): Finding | undefined => {
  const state = nameState(facts);
  if (state === 'failed') {
    return finding('dns', 'dns-failed', {
      what: `${name} could not be looked up`,
      evidence: facts.failures,
    });
  }
  if (state === 'absent') return finding('dns', 'dns-absent', { what: `${name} has no address`, evidence });
  if (state === 'found') return undefined;
  const what = `${name} has no address: its ${ENDLESS}`;
  return finding('dns', 'dns-absent', { what, evidence, remedy: 'correct its CNAME records' });
};

export const checkDns: Check = async ({ domain: { name }, certificate, names, https }) => {
  const facts = await names();
  const { chain, v4, v6, failures } = facts;
  const path = chain.length > 1 ? `CNAME ${chain.slice(1).join(' → ')}` : undefined;
  const evidence = [
    ...(path === undefined ? [] : [path]),
    ...(v4.length === 0 ? [] : [`A ${v4.join(', ')}`]),
    ...(v6.length === 0 ? [] : [`AAAA ${v6.join(', ')}`]),
  ];
  const tracker = chain.slice(1).find((alias) => TRACKERS.test(alias));
  if (tracker !== undefined) {
    return [finding('dns', 'dns-tracker', { what: `${name} is an alias of ${tracker}`, evidence })];
  }
  const absence = judgeAbsence(name, facts, evidence);
  if (absence !== undefined) return [absence];
  const found: Finding[] = [];
  if (failures.length > 0) {
    found.push(
      finding('dns', 'dns-failed', { what: `some questions about ${name} fail`, evidence: failures }),
    );
  }
  const probes = await https();
  const stray = strayIpv6(probes);
  if (stray.length > 0) {
    const what = `IPv6 leads elsewhere: ${stray.map(({ address }) => address).join(', ')}`;
    found.push(finding('dns', 'dns-ipv6-stray', { what, evidence: probes.map(show) }));
  }
  const serial = certificate?.serial ?? undefined;
  const others = probes.filter(
    (probe) => probe.certificate !== undefined && serial !== undefined && probe.certificate.serial !== serial,
  );
  const own = probes.some((probe) => probe.certificate?.serial === serial);
  // another certificate at every address is a CDN, or a proxy that has just renewed: those have checks of their own
  if (own && others.length > 0) {
    const what = `another machine answers at ${others.map(({ address }) => address).join(', ')}`;
    found.push(finding('dns', 'dns-elsewhere', { what, evidence: probes.map(show) }));
  }
  if (found.length > 0) return found;
  const what =
    path ?? `${[...v4, ...v6].join(', ')} (address records, or a CNAME flattened by the DNS provider)`;
  return [good('dns', what, evidence)];
};
