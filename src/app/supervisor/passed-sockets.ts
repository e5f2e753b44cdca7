// Sockets that the parent of the program opened (sd_listen_fds(3)): systemd keeps them open over a restart, so that clicks wait in
// the kernel for the next process. Only the supervisor takes them; workers get them like any held socket.

import { LinkgateError } from '../../core/errors.ts';
import type { Listen, ListenAddress } from '../../core/settings.ts';
import { adoptSocket, type HeldSocket } from './held-socket.ts';

/** The first descriptor that is passed (SD_LISTEN_FDS_START). */
const FIRST_DESCRIPTOR = 3;
/** More than any unit has; a larger number from the environment is not believed. */
const MOST_SOCKETS = 64;

export interface PassedSocket extends HeldSocket {
  /** FileDescriptorName= of its unit; `unknown` where it has none */
  readonly name: string;
}

/**
 * The sockets passed to this process; none when the variables are absent or meant for another process.
 * @param env - LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES
 * @throws LinkgateError `ERR_LISTEN_NOT_PASSED` when one of them is not a TCP socket
 */
export const takePassedSockets = (env: NodeJS.ProcessEnv, pid = process.pid): readonly PassedSocket[] => {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = env;
  // a process in between, such as `npm`, closes them
  if (LISTEN_PID !== String(pid) || !/^[1-9]\d{0,3}$/.test(LISTEN_FDS ?? '')) return [];
  const names = LISTEN_FDNAMES?.split(':') ?? [];
  return Array.from({ length: Math.min(Number(LISTEN_FDS), MOST_SOCKETS) }, (_, index) => {
    const name = names[index] ?? 'unknown';
    const adopted = adoptSocket(FIRST_DESCRIPTOR + index);
    if (adopted !== undefined) return { name, ...adopted };
    throw new LinkgateError('ERR_LISTEN_NOT_PASSED', `socket "${name}" is no TCP socket (ListenStream=PORT)`);
  });
};

/** `::` is every address, which is 0.0.0.0 on a machine without IPv6. */
const isSame = (address: ListenAddress, wanted: ListenAddress): boolean =>
  wanted.port !== 0 &&
  address.port === wanted.port &&
  (address.host === wanted.host || (wanted.host === '::' && address.host === '0.0.0.0'));

/**
 * The passed socket for a listener: the one with the wanted name, or the one bound to the wanted address, so that one configuration
 * works with and without systemd. undefined where an address is wanted that nobody passed: it has to be bound.
 * @throws LinkgateError `ERR_LISTEN_NOT_PASSED`
 */
export const choosePassedSocket = (
  listener: string,
  { host, port, fd }: Listen,
  passed: readonly PassedSocket[],
): PassedSocket | undefined => {
  if (fd === undefined) return passed.find(({ address }) => isSame(address, { host, port }));
  const found = passed.find(({ name }) => name === fd);
  if (found !== undefined) return found;
  const others =
    passed.length === 0 ? 'none was' : `only ${passed.map(({ name }) => `"${name}"`).join(', ')}`;
  throw new LinkgateError('ERR_LISTEN_NOT_PASSED', `${listener} socket "${fd}" was not passed, ${others}`);
};
