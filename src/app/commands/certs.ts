// `linkgate certs`: what a person does with the certificates in the storage of a configuration, also while a proxy runs. It reads and
// writes the files that the person names. Without an order or a revocation it uses no network.

import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { CertificateDetails } from '../../cert/manual/inspect.ts';
import { createManualOperations, type ManualOperations } from '../../cert/manual/manual-operations.ts';
import type { Renewed } from '../../cert/manual/order.ts';
import { createIssue } from '../../cert/renewal/issue.ts';
import { createLocalIssuer } from '../../cert/local-ca/local-ca.ts';
import { decodePkcs12, encodePkcs12 } from '../../cert/import/pkcs12.ts';
import { createCertificateStore } from '../../cert/state/store.ts';
import type { CertificateStatus } from '../../core/certificate-state.ts';
import { systemClock } from '../../core/platform/clock.ts';
import { normalizeName } from '../../core/domain-name.ts';
import { LinkgateError, toLinkgateError } from '../../core/errors.ts';
import { createEventBus } from '../../core/events.ts';
import type { Settings } from '../../core/settings.ts';
import type { Storage } from '../../core/storage.ts';
import { createIssuers, createIssuersPreflight, loadIssuers } from '../issuers.ts';
import { storageOf, withOwnedStorage } from '../storage-owner.ts';

/** One file of `import --dir`. */
export interface ImportOutcome {
  readonly file: string;
  readonly domain: string;
  readonly status?: CertificateStatus;
  readonly problem?: LinkgateError;
}

export interface Certs {
  list(): Promise<readonly CertificateStatus[]>;
  show(domain: string): Promise<CertificateDetails>;
  issue(domain: string, force: boolean): Promise<CertificateStatus>;
  /** when one fails, the others are still renewed */
  renew(domains: readonly string[], force: boolean): Promise<readonly Renewed[]>;
  revoke(domain: string, reason: string): Promise<CertificateStatus>;
  importPem(domain: string, certFile: string, keyFile: string, password?: string): Promise<CertificateStatus>;
  importPfx(domain: string, file: string, password: string): Promise<CertificateStatus>;
  /** every `NAME.pem` in a folder; when one is refused, the others are still imported */
  importFolder(folder: string): Promise<readonly ImportOutcome[]>;
  /** @returns the file written: `DOMAIN.pem` (key and chain), or with a password `DOMAIN.pfx` */
  exportTo(domain: string, folder: string, password?: string): Promise<string>;
  /** the root of the local CA, without its key */
  exportRoot(file: string): Promise<string>;
}

const readGiven = async (path: string): Promise<Buffer> => {
  try {
    return await readFile(path);
  } catch (error) {
    throw new LinkgateError('ERR_USAGE', `file "${path}" cannot be read`, { cause: error });
  }
};

/** Removes an old file first: its mode may be wider. */
const writeGiven = async (path: string, value: string | Buffer, mode: number): Promise<void> => {
  try {
    await rm(path, { force: true });
    await writeFile(path, value, { mode, flag: 'wx' });
  } catch (error) {
    throw new LinkgateError('ERR_USAGE', `file "${path}" cannot be written`, { cause: error });
  }
};

interface Parts {
  readonly storage: Storage;
  readonly hand: ManualOperations;
}

const partsOn = ({ certificates, domains }: Settings, storage: Storage): Parts => {
  const clock = systemClock;
  const { emit } = createEventBus(() => undefined);
  const store = createCertificateStore({ storage });
  const issuers = createIssuers(certificates, storage, clock);
  const preflight = createIssuersPreflight(certificates, storage);
  const hand = createManualOperations({
    names: domains.map(({ name }) => name),
    storage,
    store,
    issuers,
    issue: createIssue({ storage, store, issuers, clock, emit }),
    clock,
    ...(preflight === undefined ? {} : { preflight }),
  });
  return { storage, hand };
};

interface GivenFile {
  readonly file: string;
  readonly text: string | LinkgateError;
}

/** Every `NAME.pem` in a folder; one that cannot be read is an error of that file only. */
const readFolder = async (folder: string): Promise<readonly GivenFile[]> => {
  const files = await readdir(folder).catch((error: unknown) => {
    throw new LinkgateError('ERR_USAGE', `folder "${folder}" cannot be read`, { cause: error });
  });
  const given: GivenFile[] = [];
  for (const file of files.filter((name) => name.endsWith('.pem')).toSorted()) {
    const text = await readGiven(join(folder, file)).then(String, (error: unknown) => toLinkgateError(error));
    given.push({ file, text });
  }
  return given;
};

/** Nothing is read or written before the first call. @throws of every call: LinkgateError `ERR_STORAGE_*`, `ERR_CERT_*`, `ERR_ACME_*`, `ERR_USAGE` */
export const openCerts = (settings: Settings, signal: AbortSignal): Certs => {
  const { certificates } = settings;
  const { path } = certificates.storage;
  /** only reads, as the user who runs the command */
  const { hand } = partsOn(settings, storageOf(settings));

  const writing = async <T>(work: (parts: Parts) => Promise<T>): Promise<T> => {
    // the owner of the storage may have no access to the folder of the program
    await loadIssuers(certificates);
    return withOwnedStorage(path, (storage) => work(partsOn(settings, storage)));
  };

  const importFile = async (hand: ManualOperations, { file, text }: GivenFile): Promise<ImportOutcome> => {
    const domain = normalizeName(basename(file, '.pem'));
    try {
      if (text instanceof LinkgateError) throw text;
      return { file, domain, status: await hand.import(domain, { keyPem: text, chainPem: text }, signal) };
    } catch (error) {
      return { file, domain, problem: toLinkgateError(error) };
    }
  };

  return {
    list: () => hand.list(),
    show: (domain) => hand.show(normalizeName(domain)),
    issue: (domain, force) => writing(({ hand }) => hand.issue(normalizeName(domain), force, signal)),
    renew: (names, force) => writing(({ hand }) => hand.renew(names.map(normalizeName), force, signal)),
    revoke: (domain, reason) => writing(({ hand }) => hand.revoke(normalizeName(domain), reason, signal)),
    importPem: async (domain, certFile, keyFile, password) => {
      const [chainPem, keyPem] = (await Promise.all([readGiven(certFile), readGiven(keyFile)])).map(String);
      const given = {
        chainPem: chainPem ?? '',
        keyPem: keyPem ?? '',
        ...(password === undefined ? {} : { password }),
      };
      return writing(({ hand }) => hand.import(normalizeName(domain), given, signal));
    },
    importPfx: async (domain, file, password) => {
      const given = decodePkcs12(await readGiven(file), password);
      return writing(({ hand }) => hand.import(normalizeName(domain), given, signal));
    },
    importFolder: async (folder) => {
      const given = await readFolder(folder);
      return writing(async ({ hand }) => {
        const outcomes: ImportOutcome[] = [];
        for (const one of given) outcomes.push(await importFile(hand, one));
        return outcomes;
      });
    },
    exportTo: async (domain, folder, password) => {
      const certificate = await hand.export(normalizeName(domain));
      const { keyPem, chainPem } = certificate;
      const path = join(folder, `${certificate.domain}.${password === undefined ? 'pem' : 'pfx'}`);
      const value =
        password === undefined ? chainPem + keyPem : encodePkcs12(certificate, password, certificate.domain);
      await writeGiven(path, value, 0o600);
      return path;
    },
    exportRoot: async (file) => {
      const { keyType } = certificates;
      const rootPem = await writing(({ storage }) =>
        createLocalIssuer({ storage, keyType, clock: systemClock }).rootPem(signal),
      );
      await writeGiven(file, rootPem, 0o644);
      return file;
    },
  };
};
