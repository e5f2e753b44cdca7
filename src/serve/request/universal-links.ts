// Local responses of https: the files that verify app links, where a domain has them. They are JSON, checked when the settings
// were loaded. A domain without such a file is forwarded as always.

import type { DomainSettings } from '../../core/settings.ts';
import type { RespondLocally } from './local-response.ts';

type Kind = keyof NonNullable<DomainSettings['universalLinks']>;

/** Exact paths, compared byte for byte: Apple's fetcher and Google's ask for these and no other spelling. */
const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ['/.well-known/apple-app-site-association', 'apple'],
  ['/apple-app-site-association', 'apple'],
  ['/.well-known/assetlinks.json', 'android'],
]);

/** GET and HEAD of a configured file: 200 and the file, never a redirect. Everything else is forwarded. */
export const respondWithUniversalLinks: RespondLocally = ({ method }, { domain, target }) => {
  // Most domains have none, and then a click costs nothing.
  if (domain.universalLinks === undefined || (method !== 'GET' && method !== 'HEAD')) return undefined;
  const query = target.indexOf('?');
  const kind = KINDS.get(query < 0 ? target : target.slice(0, query));
  const file = kind === undefined ? undefined : domain.universalLinks[kind];
  if (file === undefined) return undefined;
  return { status: 200, fields: ['Content-Type', 'application/json'], body: file.text };
};
