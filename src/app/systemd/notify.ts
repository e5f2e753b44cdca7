// Sends messages to systemd (sd_notify(3)), one after the other, with the program `systemd-notify`, because Node has no datagram sockets
// of the needed kind. A message that cannot be sent costs a log line and nothing else.

import { execFile } from 'node:child_process';

/** The program waits until systemd has read the message. */
const SEND_LIMIT_MS = 5_000;

export interface Notify {
  /** sends assignments such as `READY=1`, after those of earlier calls; never rejects */
  send(assignments: readonly string[]): Promise<void>;
}

export interface NotifyOptions {
  /** NOTIFY_SOCKET; nothing is sent when it is absent */
  readonly socket: string | undefined;
  /** called for the first of several messages in a row that cannot be sent */
  readonly onError: (error: Error) => void;
  /** the program (`systemd-notify`) */
  readonly program?: string;
}

export const createNotify = ({ socket, onError, program = 'systemd-notify' }: NotifyOptions): Notify => {
  if (socket === undefined || socket === '') return { send: async () => undefined };
  let failing = false;
  let turn = Promise.resolve();
  const run = (assignments: readonly string[]): Promise<void> =>
    new Promise((resolve) => {
      const env = { ...process.env, NOTIFY_SOCKET: socket };
      execFile(program, assignments, { env, timeout: SEND_LIMIT_MS, killSignal: 'SIGKILL' }, (error) => {
        if (error !== null && !failing) onError(error);
        failing = error !== null;
        resolve();
      });
    });
  return {
    send: (assignments) => {
      turn = turn.then(() => run(assignments));
      return turn;
    },
  };
};
