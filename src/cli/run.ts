// `linkgate run`: the proxy in the foreground until SIGTERM or SIGINT. SIGHUP reads the configuration again, SIGUSR2 gives
// every gate a new process.

import { DRAIN_MS, startKeeper, type Keeper } from '../app/keeper.ts';
import { untilSignal } from '../app/until-signal.ts';
import { loadSettings } from '../config/load.ts';
import { ERRORS } from '../core/errors.ts';
import { configPath } from './config-path.ts';

/** @returns 0 after a clean drain. @throws GateError with the exit code of its entry */
export const runCommand = async ({ config }: { readonly config?: string }): Promise<number> => {
  const path = configPath({ config });
  const settings = await loadSettings(path);
  const stopping = untilSignal();
  let keeper: Keeper | undefined;
  // Node's default would end the process; before the start is over the settings are new anyway
  process.on('SIGHUP', () => void keeper?.reload(() => loadSettings(path)));
  process.on('SIGUSR2', () => void keeper?.roll());
  // a second signal does not wait for a start that hangs, on a storage that does not answer for one
  stopping.onAgain = () => process.exit(ERRORS.ERR_STORAGE_UNAVAILABLE.exit);
  const logLevel = process.env['LINKGATE_LOG_LEVEL'];
  keeper = await startKeeper({ settings, ...(logLevel === undefined ? {} : { logLevel }) });
  stopping.onAgain = () => keeper?.cut();
  // a signal that came while it started counts
  await stopping.asked;
  await keeper.stop(DRAIN_MS);
  return 0;
};
