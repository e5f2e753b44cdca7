// Customer.io's HTTPS status: green when the name answers over https with a certificate that is good for it. checks/certificate.ts
// says what is wrong with a certificate.

import type { Check } from '../examination/examination.ts';
import { finding, good, type Finding } from '../examination/findings.ts';
import { judgeResponse } from './http.ts';

export const checkHttps: Check = async ({ https }) => {
  const probes = await https();
  const found = probes.flatMap((probe): Finding[] => {
    const { address, connected, response, failure } = probe;
    if (!connected) return [];
    if (response !== undefined) return [judgeResponse('https', probe) ?? []].flat();
    const what = `${address} gives no answer over https`;
    return [finding('https', 'https-failed', { what, evidence: [failure ?? ''] })];
  });
  const answered = probes.find(({ response }) => response !== undefined);
  if (found.length > 0 || answered === undefined) return found;
  return [good('https', `answers ${answered.response?.status ?? ''} over verified TLS`)];
};
