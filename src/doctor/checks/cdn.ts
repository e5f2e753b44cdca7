// A CDN in front of the proxy, recognised by where the name leads and by the fields of its responses. The tracker's own responses may
// have such fields too: they count only when the tracker, asked directly, does not send them.

import { cdnOfAddress, cdnOfAlias, cdnOfHeaders } from '../examination/cdn-networks.ts';
import type { Check } from '../examination/examination.ts';
import { finding, good } from '../examination/findings.ts';

export const checkCdn: Check = async ({ domain, names, http, https, probeUpstream }) => {
  const { chain, v4, v6 } = await names();
  for (const alias of chain.slice(1)) {
    const cdn = cdnOfAlias(alias);
    if (cdn !== undefined) {
      const what = `${cdn} stands in front of ${domain.name}`;
      return [finding('cdn', 'cdn-in-front', { what, evidence: [`CNAME ${alias}`] })];
    }
  }
  if (v4.length + v6.length === 0) return [];
  for (const address of [...v4, ...v6]) {
    const cdn = cdnOfAddress(address);
    if (cdn !== undefined) {
      const what = `${cdn} stands in front of ${domain.name}`;
      return [finding('cdn', 'cdn-in-front', { what, evidence: [`${address} is ${cdn}’s`] })];
    }
  }
  const probes = [...(await https()), ...(await http())];
  const traces = probes.flatMap(({ response }) =>
    response === undefined ? [] : (cdnOfHeaders(response.headers) ?? []),
  );
  const [trace] = traces;
  if (trace === undefined) return [good('cdn', 'none in front')];
  const upstream = (await probeUpstream()).response;
  if (upstream !== undefined && cdnOfHeaders(upstream.headers)?.cdn === trace.cdn) {
    return [good('cdn', 'none in front', [`the tracker itself sends ${trace.field}`])];
  }
  const what = `${trace.cdn} stands in front of ${domain.name}`;
  return [finding('cdn', 'cdn-in-front', { what, evidence: [trace.field] })];
};
