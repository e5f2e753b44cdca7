// The time at a CA: the Date field of its directory (RFC 9110 §6.6.1), over verified TLS. For cert/issuers/ca-clock.ts.

import type { Clock } from '../../core/platform/clock.ts';
import type { AcmeIssuerSettings } from '../../core/settings.ts';
import { AcmeTransport, createTrust, readCaFile } from './transport.ts';

const LIMIT_MS = 10_000;

/**
 * Asks one CA.
 * @returns milliseconds since the epoch, exact to a second; undefined when the response has no date
 * @throws LinkgateError `ERR_ACME_*` when it cannot be asked
 */
export const askTime = async (
  { directory, caFile }: Pick<AcmeIssuerSettings, 'directory' | 'caFile'>,
  clock: Clock,
  signal: AbortSignal,
): Promise<number | undefined> => {
  const caPem = await readCaFile(caFile);
  const transport = new AcmeTransport({
    clock,
    signal,
    requestTimeoutMs: LIMIT_MS,
    ...(caPem === undefined ? {} : { trust: createTrust(caPem) }),
  });
  try {
    const { headers } = await transport.request(directory, 'GET');
    const ms = Date.parse(headers.date ?? '');
    return Number.isNaN(ms) ? undefined : ms;
  } finally {
    transport.close();
  }
};
