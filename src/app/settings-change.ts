// What a reload changes: the names that differ, whether anything else differs, and what has to wait for the next start. Pure. Supervisor
// and workers apply only the difference, so that one more name among many touches that name alone.

import { isDeepStrictEqual } from 'node:util';
import type { DomainSettings, Listen, Settings } from '../core/settings.ts';

/** All settings but the names, of which there may be very many. */
export type CommonSettings = Omit<Settings, 'domains'>;

export interface DomainsChange {
  /** new names, and names of which something changed */
  readonly set: readonly DomainSettings[];
  readonly removed: readonly string[];
}

export interface SettingsChange {
  readonly domains: DomainsChange;
  /** absent when nothing but names changed */
  readonly common?: CommonSettings;
  /** keys whose new value is used only after the next start */
  readonly atRestart: readonly string[];
}

/** The difference between two lists of names. */
export const compareDomains = (
  before: readonly DomainSettings[],
  after: readonly DomainSettings[],
): DomainsChange => {
  const left = new Map(before.map((domain) => [domain.name, domain]));
  const set: DomainSettings[] = [];
  for (const domain of after) {
    if (!isDeepStrictEqual(left.get(domain.name), domain)) set.push(domain);
    left.delete(domain.name);
  }
  return { set, removed: [...left.keys()] };
};

const commonOf = ({ domains: _domains, ...common }: Settings): CommonSettings => common;

/** Whether the admin port speaks TLS, and whether clients then need a certificate. */
const tlsKind = (admin: Settings['admin']): 'none' | 'server' | 'mutual' => {
  if (admin?.tls === undefined) return 'none';
  return admin.tls.clientCaFile === undefined ? 'server' : 'mutual';
};

const SOCKETS = ['https', 'http', 'admin'] as const;

/**
 * What to do so that `before` becomes `after`. Sockets and the storage stay as they were opened: where they differ, the change keeps
 * the old ones and names them in `atRestart`.
 */
export const compareSettings = (before: Settings, after: Settings): SettingsChange => {
  const atRestart: string[] = SOCKETS.filter((name) => {
    const [old, wanted] = [before.listen[name], after.listen[name]];
    return old.host !== wanted.host || old.port !== wanted.port || old.fd !== wanted.fd;
  }).map((name) => `listen.${name}`);
  if (!isDeepStrictEqual(before.certificates.storage, after.certificates.storage)) {
    atRestart.push('certificates.storage');
  }
  const tls = [before, after].map(({ admin }) => tlsKind(admin));
  // a running listener cannot change its kind, and all of `admin` waits with it
  const keepAdmin = tls[0] !== tls[1];
  if (keepAdmin) atRestart.push('admin');
  const keptAddress = <T extends Listen>(name: (typeof SOCKETS)[number], { fd: _fd, ...wanted }: T) => {
    const { host, port, fd } = before.listen[name];
    return { ...wanted, host, port, ...(fd === undefined ? {} : { fd }) };
  };
  const { admin: wantedAdmin, ...wanted } = commonOf(after);
  const admin = keepAdmin ? before.admin : wantedAdmin;
  const common: CommonSettings = {
    ...wanted,
    ...(admin === undefined ? {} : { admin }),
    listen: {
      https: keptAddress('https', after.listen.https),
      http: keptAddress('http', after.listen.http),
      admin: keptAddress('admin', after.listen.admin),
    },
    certificates: { ...after.certificates, storage: before.certificates.storage },
  };
  return {
    domains: compareDomains(before.domains, after.domains),
    ...(isDeepStrictEqual(common, commonOf(before)) ? {} : { common }),
    atRestart,
  };
};
