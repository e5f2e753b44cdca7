// The commands about the machine that linkgate runs on: its units, and the way to another machine. Part of the table in program.ts.

import type { Command } from 'commander';
import type { ArchiveOptions } from '../commands/storage.ts';
import type { SystemdOptions } from '../commands/systemd.ts';

export const addMachineCommands = (
  program: Command,
  configOption: readonly [string, string],
  done: (code: number) => void,
): void => {
  const storage = program
    .command('storage')
    .description('everything another machine needs, in one encrypted file');
  const archiveCommand = (name: string, description: string): Command =>
    storage
      .command(`${name} <file>`)
      .description(description)
      .option(...configOption)
      .option('--password-file <file>', 'its first line; without it the password is asked for');
  archiveCommand('export', 'write certificates, accounts and the configuration').action(
    async (file: string, options: ArchiveOptions) => {
      const { exportStorageCommand } = await import('../commands/storage.ts');
      done(await exportStorageCommand(options, file));
    },
  );
  archiveCommand('import', 'take them over on a new machine, before its first start')
    .option('--force', 'write over what is there and differs')
    .action(async (file: string, options: ArchiveOptions & { force?: boolean }) => {
      const { importStorageCommand } = await import('../commands/storage.ts');
      done(await importStorageCommand(options, file));
    });

  const systemd = program.command('systemd').description('units of systemd for this installation');
  const unitCommand = (name: string, description: string): Command =>
    systemd
      .command(name)
      .description(description)
      .option(...configOption)
      .option('--user <name>', 'an account of the system’s in place of a dynamic one')
      .option('--no-sockets', 'the service binds its ports itself, which needs CAP_NET_BIND_SERVICE');
  unitCommand('print', 'print them').action(async (options: SystemdOptions) => {
    const { printUnitsCommand } = await import('../commands/systemd.ts');
    done(await printUnitsCommand(options));
  });
  unitCommand('install', 'write them, and say how to go on')
    .option('--dir <folder>', 'where to', '/etc/systemd/system')
    .action(async (options: SystemdOptions & { dir: string }) => {
      const { installUnitsCommand } = await import('../commands/systemd.ts');
      done(await installUnitsCommand(options));
    });
};
