// Whether CAA records let a configured CA issue (RFC 8659), by the same judgement as the preflight of an order.

import { caaText } from '../../dns/caa.ts';
import type { Check } from '../examination/examination.ts';
import { finding, good } from '../examination/findings.ts';

export const checkCaa: Check = async ({ tools: { cas }, caa }) => {
  if (cas.length === 0) return [good('caa', 'no public CA is configured, so CAA does not matter')];
  const { verdict, records, at, owner, allowing, failure = '' } = await caa();
  if (verdict === 'failed') {
    return [
      finding('caa', 'caa-failed', { what: `CAA of ${at} could not be looked up`, evidence: [failure] }),
    ];
  }
  const wanted = [...new Set(cas.map(({ identities: [identity] }) => identity ?? ''))];
  if (records.length === 0) return [good('caa', `no CAA record: ${wanted.join(', ')} may issue`)];
  const where = owner === at ? at : `${at} (an alias of ${owner})`;
  const evidence = [`at ${where}:`, ...records.map((record) => `CAA ${caaText(record)}`)];
  if (verdict === 'allowed') return [good('caa', `${where} allows it`, evidence)];
  if (verdict === 'unsure') {
    const what = `CAA at ${where} names one account, and the account of this proxy is not known here`;
    return [finding('caa', 'caa-account', { what, evidence })];
  }
  return [
    finding('caa', 'caa-forbids', {
      what: `CAA at ${where} forbids ${wanted.join(' and ')}`,
      evidence,
      remedy: `add at ${owner}: CAA 0 issue "${allowing}"`,
    }),
  ];
};
