// The keys of `admin`: who may use the admin port, and how it is served. config/checks/admin-checks.ts checks them together.

import { isIP } from 'node:net';
import type { AdminSettings } from '../../core/settings.ts';
import { list, mapping, oneOf, path, pattern } from '../values/kinds.ts';

const MOST_HOSTS = 32;

const isHostName = (value: string): boolean =>
  value.length <= 253 && /^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/i.test(value) && isIP(value) === 0;

export const admin = () =>
  mapping({
    tokenFile: path().optional(),
    tls: mapping({
      certFile: path(),
      keyFile: path(),
      clientCaFile: path().optional(),
      clientCertFile: path().optional(),
      clientKeyFile: path().optional(),
    }).optional(),
    metrics: oneOf(['guarded', 'open']).optional(),
    hosts: list(pattern('a host name without a port', isHostName))
      .max(MOST_HOSTS, { error: `has more than ${MOST_HOSTS} names` })
      .optional(),
  }).optional();

type Written = NonNullable<ReturnType<ReturnType<typeof admin>['parse']>>;

/** @param path - makes a path absolute */
export const adminOf = (
  written: Written | undefined,
  path: (text: string) => string,
): { readonly admin?: AdminSettings } => {
  if (written === undefined) return {};
  const { tokenFile, tls, metrics, hosts } = written;
  return {
    admin: {
      ...(tokenFile === undefined ? {} : { tokenFile: path(tokenFile) }),
      ...(tls === undefined
        ? {}
        : {
            tls: {
              certFile: path(tls.certFile),
              keyFile: path(tls.keyFile),
              ...(tls.clientCaFile === undefined ? {} : { clientCaFile: path(tls.clientCaFile) }),
              ...(tls.clientCertFile === undefined ? {} : { clientCertFile: path(tls.clientCertFile) }),
              ...(tls.clientKeyFile === undefined ? {} : { clientKeyFile: path(tls.clientKeyFile) }),
            },
          }),
      ...(metrics === undefined ? {} : { metrics }),
      ...(hosts === undefined ? {} : { hosts: hosts.map((host) => host.toLowerCase()) }),
    },
  };
};
