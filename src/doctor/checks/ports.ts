// Ports 80 and 443 are open at every address. Probed from this machine, which does not see a firewall farther out.

import type { Check } from '../examination/examination.ts';
import { finding, good, type Finding, type FindingId } from '../examination/findings.ts';
import type { Probe } from '../examination/probe.ts';

const judge = (port: number, id: FindingId, probes: readonly Probe[]): Finding => {
  const closed = probes.filter(({ connected }) => !connected);
  const evidence = probes.map(
    ({ address, connected, failure }) =>
      `${address} port ${port}: ${connected ? 'open' : (failure ?? 'closed')}`,
  );
  if (closed.length === 0) return good('ports', `port ${port} open`, evidence);
  const what = `port ${port} is closed at ${closed.map(({ address }) => address).join(', ')}`;
  return finding('ports', id, { what, evidence });
};

export const checkPorts: Check = async ({ tools: { ports }, http, https }) => {
  const [plain, secure] = await Promise.all([http(), https()]);
  if (plain.length === 0) return [];
  return [judge(ports.http, 'port-http', plain), judge(ports.https, 'port-https', secure)];
};
