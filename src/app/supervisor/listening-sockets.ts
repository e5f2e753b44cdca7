// The three sockets of a supervisor: each is one that was passed to the program, or is bound here. The supervisor holds them from its
// start to its end and accepts on the admin socket alone.

import type { Listen, ListenAddress } from '../../core/settings.ts';
import { holdSocket, type HeldSocket } from './held-socket.ts';
import { choosePassedSocket, type PassedSocket } from './passed-sockets.ts';

export const LISTENERS = ['https', 'http', 'admin'] as const;

export type ListenerName = (typeof LISTENERS)[number];

export class ListeningSockets {
  readonly https: HeldSocket;
  readonly http: HeldSocket;
  readonly admin: HeldSocket;
  /** Clicks wait in https and http for the next process, so nobody has to wait for the old workers. */
  readonly outliveProcess: boolean;

  constructor(held: Readonly<Record<ListenerName, HeldSocket>>, passed: readonly PassedSocket[]) {
    this.https = held.https;
    this.http = held.http;
    this.admin = held.admin;
    this.outliveProcess = [held.https, held.http].every((socket) =>
      passed.some(({ handle }) => handle === socket.handle),
    );
  }

  addresses(): Readonly<Record<ListenerName, ListenAddress>> {
    return { https: this.https.address, http: this.http.address, admin: this.admin.address };
  }

  /** New clicks are refused from now on, or wait for the next process. Safe to call twice. */
  closePublic(): void {
    this.https.close();
    this.http.close();
  }

  /** Safe to call twice. */
  close(): void {
    this.admin.close();
    this.closePublic();
  }
}

/** @throws LinkgateError `ERR_LISTEN_*`; none of them is open then */
export const holdSockets = (
  listen: Readonly<Record<ListenerName, Listen>>,
  passed: readonly PassedSocket[],
): ListeningSockets => {
  const held: HeldSocket[] = [];
  const hold = (name: ListenerName): HeldSocket => {
    const socket = choosePassedSocket(name, listen[name], passed) ?? holdSocket(name, listen[name]);
    held.push(socket);
    return socket;
  };
  try {
    return new ListeningSockets({ https: hold('https'), http: hold('http'), admin: hold('admin') }, passed);
  } catch (error) {
    for (const socket of held) socket.close();
    throw error;
  }
};
