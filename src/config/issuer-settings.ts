// The settings of an ACME issuer other than its directory: from the configuration, and back into its words.

import { normalizeName } from '../core/domain-name.ts';
import { LinkgateError } from '../core/errors.ts';
import type { AcmeIssuerSettings, DnsSettings, ListenAddress } from '../core/settings.ts';
import { durationMs, formatDuration } from '../core/text/units.ts';
import { formatListenAddress, parseListenAddress } from './values/listen-address.ts';
import type { Config } from './schema/schema.ts';

type AcmeConfig = Extract<Config['certificates']['issuers'][number], { readonly type: 'acme' }>;
type Extras = Pick<AcmeIssuerSettings, 'eab' | 'profile' | 'preferredChain' | 'dns'>;
type Path = (text: string) => string;

/** A value that passed the schema and cannot be read here is a bug. */
const known = <T>(value: T | undefined, what: string): T => {
  if (value === undefined)
    throw new LinkgateError('ERR_INTERNAL', `${what} passed the schema and cannot be read`);
  return value;
};

const address = (text: string): ListenAddress => known(parseListenAddress(text), 'address');

const dnsSettings = (written: NonNullable<AcmeConfig['dns']>, path: Path): DnsSettings => {
  const propagationMs = known(durationMs(written.propagation), 'propagation');
  const resolvers = written.resolvers.map(address);
  if (written.type === 'exec') {
    const [program = '', ...words] = written.command;
    const timeoutMs = known(durationMs(written.timeout), 'timeout');
    // A word without `/` is searched in $PATH.
    const command = [program.includes('/') ? path(program) : program, ...words];
    return { provider: { type: 'exec', command, timeoutMs }, resolvers, propagationMs };
  }
  const { server, keyName, keyFile, zone } = written;
  return {
    provider: {
      type: 'rfc2136',
      server: address(server),
      keyName: normalizeName(keyName),
      keyFile: path(keyFile),
      ...(zone === undefined ? {} : { zone: normalizeName(zone) }),
    },
    resolvers,
    propagationMs,
  };
};

/** @param path - makes a path of the configuration absolute */
export const acmeExtras = ({ eab, profile, preferredChain, dns }: AcmeConfig, path: Path): Extras => ({
  ...(eab === undefined ? {} : { eab: { keyId: eab.keyId, hmacKeyFile: path(eab.hmacKeyFile) } }),
  ...(profile === undefined ? {} : { profile }),
  ...(preferredChain === undefined ? {} : { preferredChain }),
  ...(dns === undefined ? {} : { dns: dnsSettings(dns, path) }),
});

const dnsTree = ({ provider, resolvers, propagationMs }: DnsSettings): object => {
  const common = {
    resolvers: resolvers.map(formatListenAddress),
    propagation: formatDuration(propagationMs),
  };
  return provider.type === 'exec'
    ? { type: 'exec', command: provider.command, timeout: formatDuration(provider.timeoutMs), ...common }
    : { ...provider, server: formatListenAddress(provider.server), ...common };
};

/** The same in the words of the configuration. Secrets are the names of their files, which are not read here. */
export const acmeExtrasTree = ({ eab, profile, preferredChain, dns }: Extras): object => ({
  ...(eab === undefined ? {} : { eab }),
  ...(profile === undefined ? {} : { profile }),
  ...(preferredChain === undefined ? {} : { preferredChain }),
  ...(dns === undefined ? {} : { dns: dnsTree(dns) }),
});
