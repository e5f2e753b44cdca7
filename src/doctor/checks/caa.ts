// CAA records let a configured CA issue (RFC 8659), looked up as a CA does: aliases followed, then the parents.

import { caaAllows, type CaaRecord } from '../../core/caa.ts';
import type { Check } from '../examination/examination.ts';
import { finding, good } from '../examination/findings.ts';

const show = (record: CaaRecord): string => {
  const [tag, value] = Object.entries(record).find(([key]) => key !== 'critical' && key !== 'type') ?? [
    '?',
    '',
  ];
  return `CAA ${record.critical} ${tag} "${String(value)}"`;
};

export const checkCaa: Check = async ({ domain: { name }, tools: { cas }, names, caa }) => {
  if (cas.length === 0) return [good('caa', 'no public CA is configured, so CAA does not matter')];
  const { records, at, failure } = await caa();
  if (failure !== undefined) {
    const what = `CAA of ${at} could not be looked up`;
    return [finding('caa', 'caa-failed', { what, evidence: [failure] })];
  }
  const { chain } = await names();
  // records that came with an alias are those of its end
  const owner = at === name && chain.length > 1 ? `${name} (an alias of ${chain.at(-1) ?? ''})` : at;
  const wanted = cas.map(({ identities: [identity] }) => identity ?? '');
  if (records.length === 0) return [good('caa', `no CAA record: ${wanted.join(', ')} may issue`)];
  const evidence = [`at ${owner}:`, ...records.map(show)];
  if (cas.some((asker) => caaAllows(records, asker))) return [good('caa', `${owner} allows it`, evidence)];
  return [
    finding('caa', 'caa-forbids', {
      what: `CAA at ${owner} forbids ${[...new Set(wanted)].join(' and ')}`,
      evidence,
      remedy: `add at ${chain.length > 1 && at === name ? (chain.at(-1) ?? at) : at}: CAA 0 issue "${wanted[0] ?? ''}"`,
    }),
  ];
};
