// `linkgate storage export|import`: everything that another machine needs, in one encrypted file.

import { access } from 'node:fs/promises';
import {
  exportStorage,
  importStorage,
  restoreSettings,
  type Moved,
} from '../../app/commands/move-storage.ts';
import { storageOf, withOwnedStorage } from '../../app/storage-owner.ts';
import { loadSettings } from '../../config/load.ts';
import { LinkgateError } from '../../core/errors.ts';
import { configPath } from '../arguments/config-path.ts';
import { readPassword } from '../arguments/password.ts';

export interface ArchiveOptions {
  readonly config?: string;
  readonly passwordFile?: string;
}

const SHORTEST_PASSWORD = 12;

const print = (verb: string, { certificates, values }: Moved): void => {
  process.stdout.write(`${verb}: ${certificates} certificates, ${values - certificates} other values\n`);
};

/** @returns 0. @throws LinkgateError `ERR_CONFIG_*`, `ERR_STORAGE_UNAVAILABLE`, `ERR_USAGE` */
export const exportStorageCommand = async (
  { config: named, passwordFile }: ArchiveOptions,
  file: string,
): Promise<number> => {
  const config = configPath({ config: named });
  const storage = storageOf(await loadSettings(config));
  const passphrase = await readPassword(passwordFile);
  if (passphrase.length < SHORTEST_PASSWORD) {
    throw new LinkgateError(
      'ERR_USAGE',
      `password has fewer than ${SHORTEST_PASSWORD} characters: it guards every key`,
    );
  }
  print('exported', await exportStorage({ storage, config, file, passphrase }));
  return 0;
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** @returns 0. @throws LinkgateError `ERR_ARCHIVE_*`, `ERR_CONFIG_*`, `ERR_STORAGE_*`, `ERR_USAGE` */
export const importStorageCommand = async (
  { config: named, passwordFile, force = false }: ArchiveOptions & { readonly force?: boolean },
  file: string,
): Promise<number> => {
  const config = configPath({ config: named });
  const passphrase = await readPassword(passwordFile);
  if (!(await exists(config))) {
    await restoreSettings(file, passphrase, config);
    process.stdout.write(`written   ${config}\n`);
  }
  const { path } = (await loadSettings(config)).certificates.storage;
  const moved = await importStorage((use) => withOwnedStorage(path, use), { file, passphrase, force });
  print('imported', moved);
  return 0;
};
