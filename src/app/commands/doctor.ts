// `linkgate doctor`: passes the checks what they need: the state of the certificates from the running proxy or its storage, the
// resolver, the trusted roots. Changes nothing.

import type { CertificateStatus } from '../../core/certificate-state.ts';
import { systemClock } from '../../core/platform/clock.ts';
import type { Settings, UpstreamSettings } from '../../core/settings.ts';
import { unknownDomain } from '../../core/domain-name.ts';
import { trustedRoots } from '../../core/platform/trusted-roots.ts';
import { createDnsResolver } from '../../dns/resolver.ts';
import { checkRuntime } from '../../doctor/checks/runtime.ts';
import { diagnose, type Diagnosis } from '../../doctor/diagnose.ts';
import {
  createExamination,
  type DoctorPorts,
  type DoctorTools,
  type Target,
} from '../../doctor/examination/examination.ts';
import type { Finding } from '../../doctor/examination/findings.ts';
import { preloadList } from '../../doctor/examination/preloaded.ts';
import { askStatus } from '../admin/ask-status.ts';
import { readPublicCas } from '../issuers.ts';
import { storageOf } from '../storage-owner.ts';
import { openCerts } from './certs.ts';

export interface DoctorOptions {
  readonly settings: Settings;
  /** empty: all that are configured */
  readonly domains: readonly string[];
  /** name servers asked instead of the system's, `ADDRESS:PORT` */
  readonly resolvers?: readonly string[];
  /** PEM that is trusted as well as the system's roots, for a private CA */
  readonly caPem?: string;
  readonly ports?: DoctorPorts;
  readonly signal: AbortSignal;
  readonly onDone?: (diagnosis: Diagnosis) => void;
}

export interface DoctorReport {
  /** where the state of the certificates is from */
  readonly source: 'proxy' | 'storage' | 'none';
  readonly machine: readonly Finding[];
  readonly domains: readonly Diagnosis[];
}

interface Known {
  readonly source: DoctorReport['source'];
  readonly certificates: readonly CertificateStatus[];
  /** a worker of the running proxy */
  readonly pid?: number;
}

/** From the running proxy, else from the storage. Another machine has neither of them. */
const known = async (settings: Settings, signal: AbortSignal): Promise<Known> => {
  try {
    const { domains, workers } = await askStatus(settings.listen.admin, signal, settings.admin);
    const pid = workers[0]?.pid;
    const certificates = domains.map(({ certificate }) => certificate);
    return { source: 'proxy', certificates, ...(pid === undefined ? {} : { pid }) };
  } catch {
    // the proxy does not run, or runs elsewhere
  }
  try {
    return { source: 'storage', certificates: await openCerts(settings, signal).list() };
  } catch {
    return { source: 'none', certificates: [] };
  }
};

/** Roots for each upstream, made once. */
const rootsOfUpstreams = (upstreams: readonly UpstreamSettings[]): DoctorTools['upstreamRoots'] => {
  const roots = new Map(upstreams.map(({ id, caPem }) => [id, trustedRoots(caPem)]));
  return ({ id }) => roots.get(id) ?? trustedRoots(undefined);
};

/** @throws LinkgateError `ERR_CERT_UNKNOWN_NAME` */
const chosen = ({ domains }: Settings, names: readonly string[]): Settings['domains'] => {
  for (const name of names) {
    if (!domains.some((domain) => domain.name === name)) {
      throw unknownDomain(
        name,
        domains.map((domain) => domain.name),
      );
    }
  }
  return names.length === 0 ? domains : domains.filter(({ name }) => names.includes(name));
};

/** Milliseconds that this clock is ahead of the clock of a server, by the Date of its response (RFC 9110 §6.6.1). */
const skewOf = (date: string | undefined, nowMs: number): number | undefined => {
  const atMs = Date.parse(date ?? '');
  return Number.isNaN(atMs) ? undefined : nowMs - atMs;
};

/** @throws LinkgateError `ERR_CERT_UNKNOWN_NAME` */
export const runDoctor = async (options: DoctorOptions): Promise<DoctorReport> => {
  const { settings, signal, caPem, resolvers = [], onDone } = options;
  const { upstreams, certificates } = settings;
  const domains = chosen(settings, options.domains);
  const { source, certificates: statuses, pid } = await known(settings, signal);
  const byName = new Map(statuses.map((status) => [status.domain, status]));
  const tools: DoctorTools = {
    resolver: createDnsResolver({ servers: resolvers }),
    ports: options.ports ?? { http: 80, https: 443 },
    roots: trustedRoots(caPem),
    upstreamRoots: rootsOfUpstreams(upstreams),
    clock: systemClock,
    signal,
    cas: await readPublicCas(certificates, storageOf(settings)),
    preloaded: preloadList(),
  };
  const targets = domains.flatMap((domain): Target[] => {
    const upstream = upstreams.find(({ id }) => id === domain.upstream);
    const certificate = byName.get(domain.name);
    if (upstream === undefined) return [];
    return [{ domain, upstream, ...(certificate === undefined ? {} : { certificate }) }];
  });
  const machine = async (): Promise<readonly Finding[]> => {
    const [first] = targets;
    const response = first && (await createExamination(first, tools).probeUpstream()).response;
    return checkRuntime({
      storagePath: certificates.storage.path,
      pid: pid ?? 'self',
      nodeVersion: process.versions.node,
      skewMs: skewOf(response?.headers.date, systemClock.now()),
      signal,
    });
  };
  const [checked, found] = await Promise.all([
    machine(),
    diagnose(targets, tools, onDone === undefined ? {} : { onDone }),
  ]);
  return { source, machine: checked, domains: found };
};
