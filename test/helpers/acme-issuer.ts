// An issuer in front of the test CA, on a storage in memory: what tests of the ACME path stand on.

import type { Test } from 'tap';
import { AcmeIssuer } from '../../src/cert/acme/acme-issuer.ts';
import { createCertificateStore, type StoredCertificate } from '../../src/cert/state/store.ts';
import { systemClock } from '../../src/core/platform/clock.ts';
import type { AcmeIssuerSettings, KeyType } from '../../src/core/settings.ts';
import { createMemoryStorage } from '../../src/storage/memory.ts';
import { acmeCa, type AcmeCa, type AcmeCaOptions } from './acme-ca.ts';
import { challengeServer } from './challenge-server.ts';

export const forever = new AbortController().signal;
export const name = 'links.example.com';

export const setUp = async (
  t: Test,
  caOptions: AcmeCaOptions = {},
  settings: Partial<AcmeIssuerSettings> = {},
) => {
  const storage = createMemoryStorage();
  const ca = await acmeCa(t, { httpPort: await challengeServer(t, storage), ...caOptions });
  const store = createCertificateStore({ storage });
  const issuerOf = (
    more: Partial<AcmeIssuerSettings> = {},
    keyTypes: ReadonlyMap<string, KeyType> = new Map(),
    of: AcmeCa = ca,
  ) =>
    new AcmeIssuer({
      settings: {
        type: 'acme',
        name: 'test-ca',
        directory: of.directory,
        caFile: of.caFile,
        challenges: ['http-01'],
        ...settings,
        ...more,
      },
      keyType: 'ecdsa-p256',
      keyTypes,
      storage,
      clock: systemClock,
    });
  const issuer = issuerOf();
  const outcome = (): Promise<unknown> =>
    issuer.obtain(name, forever).then(
      () => 'issued',
      (error: unknown) => error,
    );
  /** issued and stored */
  const keep = async (from = issuer, replaces?: StoredCertificate): Promise<StoredCertificate> => {
    const { source, issuer: by, directory = '' } = from;
    const got = await from.obtain(name, forever, replaces === undefined ? {} : { replaces });
    return store.write(name, { ...got, source, issuer: by, directory });
  };
  return { ca, storage, store, issuer, issuerOf, outcome, keep };
};
