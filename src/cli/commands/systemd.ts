// `linkgate systemd print|install|uninstall`: the units that fit this installation and its configuration.

import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { installUnits } from '../../app/systemd/install-units.ts';
import { isReadBySystemd, systemctl } from '../../app/systemd/systemctl.ts';
import { uninstallUnits } from '../../app/systemd/uninstall-units.ts';
import { hiddenPaths, systemdUnits, type HiddenPath, type Unit } from '../../app/systemd/units.ts';
import { loadSettings } from '../../config/load.ts';
import { documentPath } from '../../core/platform/document-path.ts';
import { configPath } from '../arguments/config-path.ts';

export interface SystemdOptions {
  readonly config?: string;
  readonly user?: string;
  /** commander's `--no-sockets` */
  readonly sockets: boolean;
}

const REMEDIES: Readonly<Record<HiddenPath['is'], string>> = {
  program: `install linkgate and Node.js for the whole system first: ${documentPath('getting-started.md#1-install')}`,
  configuration: 'move it to /etc/linkgate/linkgate.yaml',
  storage: 'move it to /var/lib/linkgate/certs',
  'log file': 'move it to /var/log/linkgate/linkgate.log',
};

const warn = ({ path, below, is }: HiddenPath): void =>
  void process.stderr.write(
    `linkgate: warning: ${is} "${path}" lies below "${below}", which services do not see: ${REMEDIES[is]}\n`,
  );

const unitsFor = async ({ config, user, sockets }: SystemdOptions): Promise<readonly Unit[]> => {
  const path = resolve(configPath({ config }));
  const { listen, certificates, drainMs, log } = await loadSettings(path);
  // A link such as /usr/local/bin/linkgate would work too, but would not show which version it leads to.
  const command = [process.execPath, await realpath(process.argv[1] ?? '')];
  const installation = {
    command,
    config: path,
    storage: certificates.storage.path,
    listen,
    sockets,
    ...(user === undefined ? {} : { user }),
    drainMs,
    ...(log.file === undefined ? {} : { logFile: log.file }),
  };
  const units = systemdUnits(installation);
  hiddenPaths(installation).forEach(warn);
  return units;
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
  process.stdout.write(
    `\nNothing is started yet. Start it:\n  systemctl daemon-reload\n  systemctl enable --now ${names}\n`,
  );
  return 0;
};

export interface UninstallOptions {
  readonly config?: string;
  readonly dir: string;
}

/** What a person may delete later. A configuration that does not load is kept like any other. */
const keptPaths = async (config: string | undefined): Promise<readonly string[]> => {
  try {
    const path = configPath({ config });
    const { certificates, log } = await loadSettings(path);
    return [resolve(path), certificates.storage.path, ...(log.file === undefined ? [] : [log.file])];
  } catch {
    return [];
  }
};

/**
 * Stops the service, removes its units, and says what stays.
 * @returns 0
 * @throws LinkgateError `ERR_SYSTEMD_ABSENT`, `ERR_SYSTEMD_UNWRITABLE`, `ERR_SYSTEMD_REFUSED`
 */
export const uninstallUnitsCommand = async ({ config, dir }: UninstallOptions): Promise<number> => {
  const isRunning = isReadBySystemd(dir);
  const { removed, foreign } = await uninstallUnits({ dir, ...(isRunning ? { systemctl } : {}) });
  const changes = [join(dir, 'linkgate.service.d')].filter((path) => existsSync(path));
  const kept = await keptPaths(config);
  const lines = [
    isRunning ? 'stopped and disabled' : `nothing was stopped: no systemd runs here that reads "${dir}"`,
    ...removed.map((path) => `removed  ${path}`),
    ...foreign.map((path) => `kept     ${path} (linkgate did not write it)`),
    ...changes.map((path) => `kept     ${path} (changes of yours)`),
    ...kept.map((path) => `kept     ${path}`),
    '',
    'Configuration, certificates and keys stay. Delete them when you are sure that no link leads here.',
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
};
