// `linkgate systemd print|install`: the units that fit this installation and its configuration.

import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { installUnits } from '../../app/systemd/install-units.ts';
import { systemdUnits, type Unit } from '../../app/systemd/units.ts';
import { loadSettings } from '../../config/load.ts';
import { configPath } from '../arguments/config-path.ts';

export interface SystemdOptions {
  readonly config?: string;
  readonly user?: string;
  /** commander's `--no-sockets` */
  readonly sockets: boolean;
}

const unitsFor = async ({ config, user, sockets }: SystemdOptions): Promise<readonly Unit[]> => {
  const path = resolve(configPath({ config }));
  const { listen, certificates, drainMs, log } = await loadSettings(path);
  // a link such as /usr/local/bin/linkgate would be as good, and says less about which version it is
  const command = [process.execPath, await realpath(process.argv[1] ?? '')];
  const storage = certificates.storage.path;
  return systemdUnits({
    command,
    config: path,
    storage,
    listen,
    sockets,
    ...(user === undefined ? {} : { user }),
    drainMs,
    ...(log.file === undefined ? {} : { logFile: log.file }),
  });
};

/** @returns 0. @throws LinkgateError `ERR_CONFIG_*`, `ERR_SYSTEMD_UNFIT` */
export const printUnitsCommand = async (options: SystemdOptions): Promise<number> => {
  const units = await unitsFor(options);
  process.stdout.write(units.map(({ name, text }) => `# ${name}\n${text}`).join('\n'));
  return 0;
};

/**
 * Writes them into a folder and says how to go on; starts nothing.
 * @returns 0
 * @throws LinkgateError `ERR_CONFIG_*`, `ERR_SYSTEMD_UNFIT`, `ERR_SYSTEMD_UNWRITABLE`
 */
export const installUnitsCommand = async ({
  dir,
  ...options
}: SystemdOptions & { readonly dir: string }): Promise<number> => {
  const units = await unitsFor(options);
  for (const { path, outcome } of await installUnits(dir, units))
    process.stdout.write(`${outcome}  ${path}\n`);
  const names = units.map(({ name }) => name).join(' ');
  process.stdout.write(`\nsystemctl daemon-reload\nsystemctl enable --now ${names}\n`);
  return 0;
};
