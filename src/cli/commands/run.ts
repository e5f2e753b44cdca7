// `linkgate run`: the proxy in the foreground until SIGTERM or SIGINT. SIGHUP reads the configuration again, SIGUSR1
// opens the log file again, SIGUSR2 gives every worker a new process. Under systemd it takes the passed sockets and reports its state.

import { startSupervisor, type Supervisor } from '../../app/supervisor/supervisor.ts';
import { createNotify } from '../../app/systemd/notify.ts';
import { takePassedSockets } from '../../app/supervisor/passed-sockets.ts';
import { createService } from '../../app/systemd/service.ts';
import { untilSignal } from '../../app/until-signal.ts';
import { loadSettings } from '../../config/load.ts';
import { formatListenAddress } from '../../config/values/listen-address.ts';
import { systemClock } from '../../core/platform/clock.ts';
import { ERRORS } from '../../core/errors.ts';
import type { ListenAddress, Settings } from '../../core/settings.ts';
import { configPath } from '../arguments/config-path.ts';

/** Variables of systemd that are for this process, and not for its children. */
const FOR_US_ALONE = [
  'LISTEN_PID',
  'LISTEN_FDS',
  'LISTEN_FDNAMES',
  'NOTIFY_SOCKET',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
];

/** `0.0.0.0` and `::` are no addresses that a browser opens everywhere. */
const urlOf = ({ host, port }: ListenAddress, scheme: 'http' | 'https'): string =>
  `${scheme}://${formatListenAddress({ host: { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host, port })}/`;

/** For a person at a terminal: the open ports, and the address of the page. Programs read the log. */
const showReady = (supervisor: Supervisor, settings: Settings): void => {
  if (!process.stdout.isTTY || settings.log.format === 'json') return;
  const { https, http, admin } = supervisor.addresses;
  // this line is printed below the log lines of the start
  supervisor.flushLog();
  const page = urlOf(admin, settings.admin?.tls === undefined ? 'http' : 'https');
  process.stdout.write(
    `ready: https ${formatListenAddress(https)}, http ${formatListenAddress(http)}, page ${page}\n`,
  );
};

/** @returns 0 after a clean drain. @throws LinkgateError with the exit code of its entry */
export const runCommand = async ({ config }: { readonly config?: string }): Promise<number> => {
  const { LINKGATE_LOG_LEVEL: logLevel, NOTIFY_SOCKET: socket, WATCHDOG_USEC: watchdogUsec } = process.env;
  const passed = takePassedSockets(process.env);
  for (const name of FOR_US_ALONE) delete process.env[name];
  const path = configPath({ config });
  const settings = await loadSettings(path);
  const notify = createNotify({
    socket,
    onError: ({ message }) =>
      process.stderr.write(`linkgate: a message did not reach systemd: ${message.split('\n')[0]}\n`),
  });
  const service = createService({ notify, clock: systemClock, watchdogUsec });
  const stopping = untilSignal();
  let supervisor: Supervisor | undefined;
  // Node's default would end the process. During the start nothing has to be done: the settings were just read.
  process.on('SIGHUP', () => void reload());
  const reload = async (): Promise<void> => {
    const running = supervisor;
    if (running !== undefined) await service.reloading(() => running.reload(() => loadSettings(path)));
  };
  process.on('SIGUSR2', () => void supervisor?.roll());
  // Node's default would open a debugger's port
  process.on('SIGUSR1', () => supervisor?.reopenLog());
  // a second signal does not wait for a start that hangs, for example on a storage that does not answer
  stopping.onAgain = () => process.exit(ERRORS.ERR_STORAGE_UNAVAILABLE.exit);
  supervisor = await startSupervisor({ settings, passed, ...(logLevel === undefined ? {} : { logLevel }) });
  await service.started(supervisor);
  showReady(supervisor, settings);
  stopping.onAgain = () => supervisor?.cut();
  // a signal that came during the start counts too
  await stopping.asked;
  await Promise.all([service.stopping(), supervisor.stop()]);
  return 0;
};
