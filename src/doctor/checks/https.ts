// Customer.io's HTTPS status: green when the name answers over https with a certificate that is good for it. What is wrong with
// a certificate is told by checks/certificate.ts.

import type { Check } from '../examination/examination.ts';
import { finding, good, type Finding } from '../examination/findings.ts';
import { judgeAnswer } from './http.ts';

export const checkHttps: Check = async ({ https }) => {
  const probes = await https();
  const found = probes.flatMap((probe): Finding[] => {
    const { address, connected, answer, failure } = probe;
    if (!connected) return [];
    if (answer !== undefined) return [judgeAnswer('https', probe) ?? []].flat();
    const what = `${address} gives no answer over https`;
    return [finding('https', 'https-failed', { what, evidence: [failure ?? ''] })];
  });
  const answered = probes.find(({ answer }) => answer !== undefined);
  if (found.length > 0 || answered === undefined) return found;
  return [good('https', `answers ${answered.answer?.status ?? ''} over verified TLS`)];
};
