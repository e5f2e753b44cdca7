// HSTS (RFC 6797) makes browsers refuse the http links of mail already sent. The name itself may send it, a parent may send it for all
// its subdomains, or browsers may have it in their list.

import type { Check, Examination } from '../examination/examination.ts';
import { finding, good, type Finding } from '../examination/findings.ts';
import { PRELOAD_LOOKUP } from '../examination/preloaded.ts';
import type { Probe } from '../examination/probe.ts';

export interface HstsPolicy {
  readonly maxAgeSeconds: number;
  readonly includeSubDomains: boolean;
}

/** @returns undefined when the field is absent, not valid, or takes the policy back (RFC 6797 §6.1) */
export const parseHsts = (field: string | undefined): HstsPolicy | undefined => {
  const words = (field ?? '').split(';').map((word) => word.trim().toLowerCase());
  const age = words.find((word) => /^max-age\s*=/.test(word))?.replace(/^max-age\s*=\s*/, '');
  const digits = /^"?(\d+)"?$/.exec(age ?? '')?.[1];
  if (digits === undefined || Number(digits) === 0) return undefined;
  return { maxAgeSeconds: Number(digits), includeSubDomains: words.includes('includesubdomains') };
};

const parentsOf = (name: string): readonly string[] => {
  const labels = name.split('.');
  return labels.slice(1, -1).map((_, index) => labels.slice(index + 1).join('.'));
};

const policyOf = ({ response }: Probe): string | undefined => response?.headers['strict-transport-security'];

/** Only a response over verified TLS counts (RFC 6797 §8.1); a probe gives no other. */
const askParent = async ({ tools, probe }: Examination, parent: string): Promise<Finding | undefined> => {
  const address = (await tools.resolver.ask('A', parent, tools.signal)).records[0]?.address;
  if (address === undefined) return undefined;
  const field = policyOf(await probe({ address, port: tools.ports.https, tls: true, name: parent }));
  if (parseHsts(field)?.includeSubDomains !== true) return undefined;
  const evidence = [`https://${parent}/ answers Strict-Transport-Security: ${field ?? ''}`];
  return finding('hsts', 'hsts-parent', { what: `${parent} sends HSTS for its subdomains`, evidence });
};

/** What a name inherits: the policies of its parents and the list of browsers. */
export const hstsAbove = async (examination: Examination): Promise<readonly Finding[]> => {
  const { domain, tools } = examination;
  const parents = parentsOf(domain.name);
  const sent = await Promise.all(parents.map((parent) => askParent(examination, parent)));
  const found = sent.filter((one) => one !== undefined);
  const listed = [domain.name, ...parents, domain.name.split('.').at(-1) ?? ''].find((parent) =>
    tools.preloaded.names.has(parent),
  );
  if (listed !== undefined) {
    const what = `"${listed}" is in the HSTS preload list of browsers, with its subdomains`;
    const evidence = [`on ${tools.preloaded.date} it was; today: ${PRELOAD_LOOKUP}/?domain=${listed}`];
    found.push(finding('hsts', 'hsts-preload', { what, evidence }));
  }
  return found;
};

export const checkHsts: Check = async (examination) => {
  const { domain, http, https, tools } = examination;
  const found: Finding[] = [];
  for (const [scheme, probes] of [
    ['https', await https()],
    ['http', await http()],
  ] as const) {
    const sender = probes.find((probe) => parseHsts(policyOf(probe)) !== undefined);
    if (sender === undefined) continue;
    const evidence = [`${scheme} at ${sender.address}: Strict-Transport-Security: ${policyOf(sender) ?? ''}`];
    found.push(finding('hsts', 'hsts-name', { what: `${domain.name} sends HSTS`, evidence }));
    break;
  }
  found.push(...(await hstsAbove(examination)));
  if (found.length > 0) return found;
  const evidence = [
    `not in browsers’ preload list as it was on ${tools.preloaded.date}; how it is today: ${PRELOAD_LOOKUP}`,
  ];
  return [good('hsts', 'none, by the name or above it', evidence)];
};
