// Ports 80 and 443 are reached at every address. Asked from this machine: a firewall farther out is not seen from here.

import type { Check } from '../examination.ts';
import { finding, good, type Finding, type FindingId } from '../findings.ts';
import type { Visit } from '../visit.ts';

const judge = (port: number, id: FindingId, visits: readonly Visit[]): Finding => {
  const closed = visits.filter(({ connected }) => !connected);
  const evidence = visits.map(
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
