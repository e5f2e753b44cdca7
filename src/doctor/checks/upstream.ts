// The tracker is reached over verified TLS and answers a harmless request. The name in its certificate shows the region: each region's
// tracker has another name, and Customer.io documents no other sign.

import type { Check } from '../examination/examination.ts';
import { finding, good } from '../examination/findings.ts';

export const checkUpstream: Check = async ({ upstream, probeUpstream }) => {
  const { address, connected, certificate, distrust, response, failure } = await probeUpstream();
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
  if (response === undefined || response.status >= 500) {
    const what = `${upstream.origin} answers ${response?.status ?? `nothing: ${failure ?? ''}`}`;
    return [finding('upstream', 'upstream-error', { what, evidence: [where] })];
  }
  const region = upstream.id === 'custom' ? 'own address' : `region ${upstream.id}`;
  return [good('upstream', `${upstream.serverName} (${region}) answers ${response.status}`, [where])];
};
