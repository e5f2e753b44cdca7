// The commands about the machine that linkgate runs on: its units, and the way to another machine. Part of the table in program.ts.

import type { Command } from 'commander';
import type { ArchiveOptions } from '../commands/storage.ts';
import type { SystemdOptions, UninstallOptions } from '../commands/systemd.ts';
import type { ConfigOption, Done } from './table.ts';

const addStorage = (program: Command, configOption: ConfigOption, done: Done): void => {
  const storage = program
    .command('storage')
    .description('export and import all that another machine needs, in one encrypted file')
    .helpCommand(false);
  const archiveCommand = (name: string, description: string): Command =>
    storage
      .command(`${name} <file>`)
      .description(description)
      .option(...configOption)
      .option(
        '--password-file <file>',
        'file whose first line is the password; without it, linkgate asks for the password',
      );
  archiveCommand('export', 'write certificates, accounts and the configuration into the file').action(
    async (file: string, options: ArchiveOptions) => {
      const { exportStorageCommand } = await import('../commands/storage.ts');
      done(await exportStorageCommand(options, file));
    },
  );
  archiveCommand('import', 'read them on a new machine, before its first start')
    .option('--force', 'overwrite values that exist and differ')
    .action(async (file: string, options: ArchiveOptions & { force?: boolean }) => {
      const { importStorageCommand } = await import('../commands/storage.ts');
      done(await importStorageCommand(options, file));
    });
};

const UNIT_FOLDER = ['--dir <folder>', 'folder of the units', '/etc/systemd/system'] as const;

const addSystemd = (program: Command, configOption: ConfigOption, done: Done): void => {
  const systemd = program
    .command('systemd')
    .description('print, install or uninstall the systemd units of this installation')
    .helpCommand(false);
  const unitCommand = (name: string, description: string): Command =>
    systemd
      .command(name)
      .description(description)
      .option(...configOption)
      .option(
        '--user <name>',
        'existing account that runs the service; without it, systemd makes one while the service runs',
      )
      .option('--no-sockets', 'the service opens its ports itself, which needs CAP_NET_BIND_SERVICE');
  unitCommand('print', 'print the units').action(async (options: SystemdOptions) => {
    const { printUnitsCommand } = await import('../commands/systemd.ts');
    done(await printUnitsCommand(options));
  });
  unitCommand('install', 'write the units, and say how to start them')
    .option(...UNIT_FOLDER)
    .action(async (options: SystemdOptions & { dir: string }) => {
      const { installUnitsCommand } = await import('../commands/systemd.ts');
      done(await installUnitsCommand(options));
    });
  systemd
    .command('uninstall')
    .description('stop the service, and remove the units that install wrote; configuration and storage stay')
    .option(...configOption)
    .option(...UNIT_FOLDER)
    .action(async (options: UninstallOptions) => {
      const { uninstallUnitsCommand } = await import('../commands/systemd.ts');
      done(await uninstallUnitsCommand(options));
    });
};

export const addMachineCommands = (program: Command, configOption: ConfigOption, done: Done): void => {
  addStorage(program, configOption, done);
  addSystemd(program, configOption, done);
};
