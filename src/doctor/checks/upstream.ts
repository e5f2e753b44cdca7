// The tracker is reached over verified TLS and answers something harmless. Which region answers is told by the name in its
// certificate: the trackers of the regions have different names, and Customer.io documents no other sign.

import type { Check } from '../examination/examination.ts';
import { finding, good } from '../examination/findings.ts';

export const checkUpstream: Check = async ({ upstream, probeUpstream }) => {
  const { address, connected, certificate, distrust, answer, failure } = await probeUpstream();
  const where = `${upstream.origin} at ${address}`;
  if (!connected) {
    const what = `${upstream.origin} is not reached`;
    return [finding('upstream', 'upstream-unreachable', { what, evidence: [`${where}: ${failure ?? ''}`] })];
  }
  if (distrust !== undefined) {
    const evidence = [
      `${where}: ${distrust}`,
      `certificate for ${certificate?.names.join(', ') ?? '?'} by ${certificate?.issuer ?? '?'}, wanted ${upstream.serverName}`,
    ];
    const what = `${upstream.origin} does not prove to be ${upstream.serverName}`;
    return [finding('upstream', 'upstream-tls', { what, evidence })];
  }
  if (answer === undefined || answer.status >= 500) {
    const what = `${upstream.origin} answers ${answer?.status ?? `nothing: ${failure ?? ''}`}`;
    return [finding('upstream', 'upstream-error', { what, evidence: [where] })];
  }
  const region = upstream.id === 'custom' ? 'own address' : `region ${upstream.id}`;
  return [good('upstream', `${upstream.serverName} (${region}) answers ${answer.status}`, [where])];
};
