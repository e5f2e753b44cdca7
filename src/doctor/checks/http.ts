// Customer.io's HTTP status: green when the name answers over http without an error. HSTS, which turns it red too, is
// checks/hsts.ts.

import type { Check } from '../examination/examination.ts';
import { finding, good, type Finding } from '../examination/findings.ts';
import type { Probe, SeenResponse } from '../examination/probe.ts';

const REFUSALS = [401, 403, 405, 406, 407, 418, 429, 451, 503];

export const locationOf = ({ headers }: SeenResponse): URL | undefined => {
  const { location } = headers;
  return location !== undefined && URL.canParse(location) ? new URL(location) : undefined;
};

/** Redirects to the same name under the other scheme. */
export const redirectsTo = (
  response: SeenResponse | undefined,
  protocol: 'http:' | 'https:',
  name: string,
): boolean => {
  if (response === undefined || response.status < 300 || response.status > 399) return false;
  const location = locationOf(response);
  return location?.protocol === protocol && location.hostname === name;
};

/** What the status shows about the server, http and https alike; undefined when nothing is wrong. */
export const judgeResponse = (check: 'http' | 'https', { address, response }: Probe): Finding | undefined => {
  if (response === undefined) return undefined;
  const { status } = response;
  const evidence = [`${address} answered GET / with ${status}`];
  if (status === 421) {
    return finding(check, 'http-unknown-name', { what: `${address} does not serve this name`, evidence });
  }
  if (REFUSALS.includes(status)) {
    return finding(check, 'http-refused', { what: `${address} refuses visitors with ${status}`, evidence });
  }
  if (status >= 500) {
    return finding(check, `${check}-failed`, { what: `${address} answers ${status}`, evidence });
  }
  return undefined;
};

export const checkHttp: Check = async ({ domain: { name, redirectHttp }, http, https }) => {
  const probes = await http();
  const found = probes.flatMap((probe): Finding[] => {
    const { address, connected, response, failure } = probe;
    // checks/ports.ts reports it
    if (!connected) return [];
    if (response === undefined) {
      const what = `${address} gives no answer`;
      return [finding('http', 'http-failed', { what, evidence: [failure ?? ''] })];
    }
    if (!redirectsTo(response, 'https:', name) || redirectHttp)
      return [judgeResponse('http', probe) ?? []].flat();
    const what = `${address} redirects http to https, and linkgate is not told to`;
    const evidence = [`${response.status} Location: ${response.headers.location ?? ''}`];
    return [finding('http', 'http-redirected', { what, evidence })];
  });
  if (probes.some(({ response }) => redirectsTo(response, 'https:', name))) {
    const back = (await https()).find(({ response }) => redirectsTo(response, 'http:', name));
    if (back !== undefined) {
      const what = `http and https of ${name} redirect to each other`;
      const evidence = [`https: Location: ${back.response?.headers.location ?? ''}`];
      return [finding('http', 'https-loop', { what, evidence })];
    }
  }
  const answered = probes.find(({ response }) => response !== undefined);
  if (found.length > 0 || answered === undefined) return found;
  return [good('http', `answers ${answered.response?.status ?? ''}`)];
};
