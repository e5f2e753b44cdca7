// The issuers of the settings, made: the one place that knows which kinds there are.

import { createAcmeIssuer } from '../cert/issuers/acme.ts';
import type { Issuer } from '../cert/issuers/issuer.ts';
import { createLocalIssuer } from '../cert/issuers/local.ts';
import type { Clock } from '../core/clock.ts';
import type { Settings } from '../core/settings.ts';
import type { Storage } from '../core/storage.ts';

/** In the order they are tried. */
export const createIssuers = (
  { keyType, keyTypes, issuers }: Settings['certificates'],
  storage: Storage,
  clock: Clock,
): readonly Issuer[] => {
  const common = { keyType, keyTypes: new Map(Object.entries(keyTypes ?? {})), storage, clock };
  return issuers.map((settings) =>
    settings.type === 'acme' ? createAcmeIssuer({ settings, ...common }) : createLocalIssuer(common),
  );
};
