// Whether a name can have http links at all, checked before it is configured: the HSTS policies of its parents and of browsers.

import { systemClock } from '../../core/platform/clock.ts';
import { trustedRoots } from '../../core/platform/trusted-roots.ts';
import { createDnsResolver } from '../../dns/resolver.ts';
import { hstsAbove } from '../../doctor/checks/hsts.ts';
import { createExamination, type DoctorPorts } from '../../doctor/examination/examination.ts';
import type { Finding } from '../../doctor/examination/findings.ts';
import { preloadList } from '../../doctor/examination/preloaded.ts';

export interface HstsAboveOptions {
  /** `ADDRESS:PORT`, asked instead of the system's */
  readonly resolvers?: readonly string[];
  readonly ports?: DoctorPorts;
  /** PEM that is trusted as well as the system's roots */
  readonly caPem?: string;
  readonly signal: AbortSignal;
}

/** Findings `hsts-parent` and `hsts-preload`. A parent that cannot be reached gives none. Never rejects. */
export const findHstsAbove = (
  name: string,
  { resolvers = [], ports = { http: 80, https: 443 }, caPem, signal }: HstsAboveOptions,
): Promise<readonly Finding[]> => {
  const upstream = {
    id: 'us',
    origin: 'https://e.customeriomail.com',
    serverName: 'e.customeriomail.com',
  } as const;
  const examination = createExamination(
    { domain: { name, upstream: 'us', redirectHttp: false }, upstream },
    {
      resolver: createDnsResolver({ servers: resolvers }),
      ports,
      roots: trustedRoots(caPem),
      upstreamRoots: () => [],
      clock: systemClock,
      signal,
      cas: [],
      preloaded: preloadList(),
    },
  );
  return hstsAbove(examination).catch(() => []);
};
