// The configured CAs as CAA records speak of them: what the doctor and `linkgate dns` hold such records against.

import { caaIdentities, type CaaAsker } from '../../core/caa.ts';
import type { Settings } from '../../core/settings.ts';

/** Empty when no CA is configured that is known to look at CAA. */
export const publicCas = ({ issuers }: Settings['certificates']): readonly CaaAsker[] =>
  issuers.flatMap((issuer) => {
    if (issuer.type !== 'acme') return [];
    const identities = caaIdentities(issuer.directory);
    return identities === undefined ? [] : [{ identities, methods: issuer.challenges }];
  });
