// The units of one installation, as text: a service that gets its sockets from systemd, and so needs no capability, and the three socket
// units. Pure; docs/operations.md explains the lines whose name does not.

import { dirname } from 'node:path';
import { LinkgateError } from '../../core/errors.ts';
import type { Listen } from '../../core/settings.ts';

export interface Installation {
  /** absolute paths: node, the program */
  readonly command: readonly string[];
  /** absolute path */
  readonly config: string;
  /** absolute path of `certificates.storage` */
  readonly storage: string;
  /** absolute path of `log.file`, where there is one */
  readonly logFile?: string;
  readonly listen: Readonly<Record<SocketName, Listen>>;
  /** `drainTimeout` */
  readonly drainMs: number;
  /** an account of the system's; without one systemd makes one while the service runs */
  readonly user?: string;
  /** false: the service binds its ports itself */
  readonly sockets: boolean;
}

export interface Unit {
  /** file name */
  readonly name: string;
  readonly text: string;
}

type SocketName = 'https' | 'http' | 'admin';
const SOCKETS: readonly SocketName[] = ['https', 'http', 'admin'];

/** The units in the folder `systemd/` of the package: installed for the whole system, with the default of each path. */
export const PACKAGED: Installation = {
  command: ['/usr/bin/env', 'linkgate'],
  config: '/etc/linkgate/linkgate.yaml',
  storage: '/var/lib/linkgate/certs',
  listen: {
    https: { host: '0.0.0.0', port: 443 },
    http: { host: '0.0.0.0', port: 80 },
    admin: { host: '127.0.0.1', port: 9464 },
  },
  drainMs: 20_000,
  sockets: true,
};

/** The first line of every unit: a unit that has it may be overwritten. */
export const WRITTEN_BY = '# Written by `linkgate systemd`. Changes of yours go into `systemctl edit`.';

/** The state of a dynamic user is here and nowhere else. */
const STATE = '/var/lib/';
/** and its log is here */
const LOGS = '/var/log/';
/** Folders that the service does not see: ProtectHome= and PrivateTmp= hide them. */
const HIDDEN = ['/home', '/root', '/run/user', '/tmp', '/var/tmp'];

/** One argument of a command line (systemd.service(5), COMMAND LINES): quoted, nothing expanded. */
const argument = (text: string): string => {
  const plain = text.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./$-]+$/.test(plain) ? plain : `"${plain.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
};

const SERVICE_NAME = 'linkgate.service';
const socketUnitName = (name: SocketName): string => `linkgate-${name}.socket`;

/** Each unit that an installation may have; the service first. */
export const UNIT_NAMES: readonly string[] = [SERVICE_NAME, ...SOCKETS.map(socketUnitName)];

const listenStream = ({ host, port }: Listen): string => {
  if (host === '::') return `${port}\nBindIPv6Only=both`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
};

const socketUnit = (name: SocketName, listen: Listen): Unit => ({
  name: socketUnitName(name),
  text: `${WRITTEN_BY}

[Unit]
Description=linkgate, ${name} socket

[Socket]
ListenStream=${listenStream(listen)}
FileDescriptorName=${listen.fd ?? name}
Service=linkgate.service
Backlog=4096

[Install]
WantedBy=sockets.target
`,
});

export interface HiddenPath {
  readonly path: string;
  /** the folder that services do not see */
  readonly below: string;
  readonly is: 'program' | 'configuration' | 'storage' | 'log file';
}

/** The paths of an installation that its service would not see. The units can be written, and do not work before these paths move. */
export const hiddenPaths = ({ command, config, storage, logFile }: Installation): readonly HiddenPath[] =>
  [
    ...command.map((path) => ({ path, is: 'program' as const })),
    { path: config, is: 'configuration' as const },
    { path: storage, is: 'storage' as const },
    ...(logFile === undefined ? [] : [{ path: logFile, is: 'log file' as const }]),
  ].flatMap(({ path, is }) => {
    const below = HIDDEN.find((hidden) => path.startsWith(`${hidden}/`));
    return below === undefined ? [] : [{ path, below, is }];
  });

const check = ({ storage, logFile, user }: Installation): void => {
  if (user === undefined && logFile !== undefined && !/^\/(dev|var\/log\/[^/]+)\/./.test(logFile)) {
    throw new LinkgateError(
      'ERR_SYSTEMD_UNFIT',
      `log file "${logFile}" lies where a dynamic user may not write: take /var/log/linkgate/linkgate.log, or name an account with --user`,
    );
  }
  if (user === undefined && !storage.startsWith(STATE)) {
    throw new LinkgateError(
      'ERR_SYSTEMD_UNFIT',
      `storage "${storage}" lies outside "${STATE}", the only place where a dynamic user keeps files: name an account with --user`,
    );
  }
};

/** A folder of its own below /var/log, or any folder to which an account of the system may write. */
const logPlace = ({ logFile }: Installation): string => {
  if (logFile === undefined || logFile.startsWith('/dev/')) return '';
  const [folder = '', ...below] = logFile.startsWith(LOGS) ? logFile.slice(LOGS.length).split('/') : [];
  return below.length > 0
    ? `\nLogsDirectory=${argument(folder)}\nLogsDirectoryMode=0750`
    : `\nReadWritePaths=${argument(dirname(logFile))}`;
};

const identity = (installation: Installation): string => {
  const { user, storage } = installation;
  const state = storage.startsWith(STATE) ? storage.slice(STATE.length).split('/')[0] : undefined;
  const place =
    state === undefined || state === ''
      ? `ReadWritePaths=${argument(storage)}`
      : `StateDirectory=${argument(state)}\nStateDirectoryMode=0700`;
  return `${user === undefined ? 'DynamicUser=yes' : `User=${argument(user)}`}\n${place}${logPlace(installation)}`;
};

/** for work that is not a request: a write to the storage, a message to the CA */
const AFTER_DRAIN_SECONDS = 40;

/** Sockets that systemd holds outlive the service: the next process takes over while the workers of the last one drain. */
const WITH_SOCKETS = `# when a process is replaced, its workers finish their requests and end by themselves within the drain time
KillMode=process`;
const WITHOUT_SOCKETS = `# SIGTERM goes to the supervisor only, which drains its workers
KillMode=mixed`;

const service = (installation: Installation): Unit => {
  const { command, config, drainMs, sockets } = installation;
  const run = command.map(argument).join(' ');
  const units = SOCKETS.map(socketUnitName).join(' ');
  const capabilities = sockets
    ? 'CapabilityBoundingSet='
    : 'AmbientCapabilities=CAP_NET_BIND_SERVICE\nCapabilityBoundingSet=CAP_NET_BIND_SERVICE';
  return {
    name: SERVICE_NAME,
    text: `${WRITTEN_BY}

[Unit]
Description=linkgate, TLS for link tracking domains
Documentation=man:linkgate(1)
Wants=network-online.target
After=network-online.target
${sockets ? `Requires=${units}\n` : ''}# always try again: links in mail live for years
StartLimitIntervalSec=0

[Service]
Type=notify
# another program, systemd-notify, sends the messages
NotifyAccess=all
${sockets ? `Sockets=${units}\n` : ''}ExecStart=${run} run --config ${argument(config)}
# waits for the outcome, and fails when the new settings have a mistake
ExecReload=${run} reload --config ${argument(config)}
${sockets ? WITH_SOCKETS : WITHOUT_SOCKETS}
TimeoutStopSec=${Math.ceil(drainMs / 1_000) + AFTER_DRAIN_SECONDS}s
# the watchdog is fed while a worker answers
WatchdogSec=60s
Restart=always
RestartSec=1s
# a restart does not fix an error of usage or configuration
RestartPreventExitStatus=64 78
LimitNOFILE=65536

${identity(installation)}
ConfigurationDirectory=linkgate
ConfigurationDirectoryMode=0755
UMask=0077

${capabilities}
NoNewPrivileges=yes
PrivateDevices=yes
PrivateMounts=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProcSubset=pid
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
# AF_NETLINK: the C library asks which address families this machine has
RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# refuse the call, do not kill: Node tries some of them and works without
SystemCallErrorNumber=EPERM
# no MemoryDenyWriteExecute=: V8 compiles at run time

[Install]
WantedBy=multi-user.target
`,
  };
};

/**
 * The service first, then its sockets.
 * @throws LinkgateError `ERR_SYSTEMD_UNFIT` when a path lies where a dynamic user may not write
 */
export const systemdUnits = (installation: Installation): readonly Unit[] => {
  check(installation);
  const sockets = installation.sockets ? SOCKETS : [];
  return [service(installation), ...sockets.map((name) => socketUnit(name, installation.listen[name]))];
};
