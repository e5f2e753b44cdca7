// `linkgate run`: the proxy in the foreground until SIGTERM or SIGINT.

import { DRAIN_MS, startKeeper } from '../app/keeper.ts';
import { untilSignal } from '../app/until-signal.ts';
import { loadSettings } from '../config/load.ts';
import { ERRORS } from '../core/errors.ts';
import { configPath } from './config-path.ts';

/** @returns 0 after a clean drain. @throws GateError with the exit code of its entry */
export const runCommand = async ({ config }: { readonly config?: string }): Promise<number> => {
  const settings = await loadSettings(configPath({ config }));
  const stopping = untilSignal();
  // Node's default would end the process; the settings are read at start only
  process.on('SIGHUP', () =>
    process.stderr.write('linkgate: SIGHUP is ignored: restart to read the settings again\n'),
  );
  // a second signal does not wait for a start that hangs, on a storage that does not answer for one
  stopping.onAgain = () => process.exit(ERRORS.ERR_STORAGE_UNAVAILABLE.exit);
  const keeper = await startKeeper({ settings, logLevel: process.env['LINKGATE_LOG_LEVEL'] ?? 'info' });
  stopping.onAgain = () => keeper.cut();
  // a signal that came while it started counts
  await stopping.asked;
  await keeper.stop(DRAIN_MS);
  return 0;
};
