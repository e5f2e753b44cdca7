// Which domain a request is for: compares Host with the configured names and the connection's SNI. Nothing is decoded, normalised or
// resolved: the target passes byte for byte (`%3D`, `//`, `/../`).

import { normalizeName } from '../../core/domain-name.ts';
import { LinkgateError } from '../../core/errors.ts';
import type { DomainSettings } from '../../core/settings.ts';
import type { ConnectionFacts } from '../connections/connection-facts.ts';

/** The configured domain of a name (normalized), or undefined. */
export type FindDomain = (name: string) => DomainSettings | undefined;

export interface Route {
  readonly domain: DomainSettings;
  /** origin-form (RFC 9112 §3.2.1), for the upstream's request line */
  readonly target: string;
}

export interface RouteRequest {
  readonly method: string;
  readonly target: string;
  /** value of the Host field; undefined when there is none (HTTP/1.0) */
  readonly host: string | undefined;
  readonly connection: Pick<ConnectionFacts, 'servername' | 'pinnedName'>;
}

/** host [ ":" port ] with the characters of a configurable name: no userinfo, no IP literal, nothing else. A port may be empty. */
const HOST = /^([A-Za-z0-9.-]{1,254})(?::\d{0,5})?$/;
/** scheme "://" authority, then the rest, unchanged (RFC 9112 §3.2.2) */
const ABSOLUTE = /^https?:\/\/([^/?#]*)(.*)$/i;
/** characters of a request line: visible ASCII and obs-text; the parsers refuse others as well */
const TARGET = /^[\u0021-\u007e\u0080-\u00ff]+$/;
/** a method (RFC 9110 §9.1); HTTP/2 lets any bytes through its parser */
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/;

const hostName = (host: string): string => {
  const name = HOST.exec(host)?.[1];
  if (name === undefined)
    throw new LinkgateError('ERR_REQUEST_MALFORMED', 'request has a Host that is not a name');
  return normalizeName(name);
};

const originForm = (request: RouteRequest, name: string): string => {
  const { target } = request;
  if (!TARGET.test(target))
    throw new LinkgateError('ERR_REQUEST_MALFORMED', 'request target has control characters');
  if (target.startsWith('/')) return target;
  const absolute = ABSOLUTE.exec(target);
  if (absolute === null) throw new LinkgateError('ERR_REQUEST_MALFORMED', 'request target has no known form');
  if (hostName(absolute[1] ?? '') !== name) {
    throw new LinkgateError(
      'ERR_REQUEST_MISDIRECTED',
      'request target names another host than the Host field',
    );
  }
  const rest = absolute[2] ?? '';
  return rest.startsWith('/') ? rest : `/${rest}`;
};

/**
 * Finds the domain of a request.
 *
 * 1. CONNECT is no request for a tracking host. `OPTIONS *` is none either: it asks the server, not a name.
 * 2. Host must be a plain name, port allowed. HTTP/1.0 may have none (RFC 1945): the name is that of the handshake then.
 * 3. It must be configured.
 * 4. On https it must be the name of the handshake. A browser that reuses a connection for another name opens a new one after a 421
 *    (RFC 9110 §15.5.20).
 * 5. A resumed TLS 1.2 session may have no name that can be read (`false`): then all requests of the connection must have the name of
 *    the first.
 *
 * @throws LinkgateError `ERR_REQUEST_UNSUPPORTED`, `ERR_REQUEST_MALFORMED`, `ERR_REQUEST_MISDIRECTED`
 */
export const route = (request: RouteRequest, findDomain: FindDomain): Route => {
  if (request.method === 'CONNECT')
    throw new LinkgateError('ERR_REQUEST_UNSUPPORTED', 'method CONNECT is not served');
  if (!METHOD.test(request.method))
    throw new LinkgateError('ERR_REQUEST_MALFORMED', 'request method is no token');
  const { connection } = request;
  const { servername } = connection;
  const held = typeof servername === 'string' ? servername : connection.pinnedName;
  const host = request.host ?? held;
  if (host === undefined) throw new LinkgateError('ERR_REQUEST_MALFORMED', 'request has no Host field');
  const name = hostName(host);
  const domain = findDomain(name);
  if (domain === undefined) {
    throw new LinkgateError('ERR_REQUEST_MISDIRECTED', 'request is for a name that is not configured');
  }
  if (held !== undefined && held !== name && normalizeName(held) !== name) {
    throw new LinkgateError('ERR_REQUEST_MISDIRECTED', 'request is for another name than its TLS connection');
  }
  const target = originForm(request, name);
  if (servername === false) connection.pinnedName = name;
  return { domain, target };
};
