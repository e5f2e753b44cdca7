// Clicks over HTTP/1.1: on a connection each, or one after the other on connections that are kept.

import type { TLSSocket } from 'node:tls';
import { faultOf, readAnswer, requestText, targetOf } from './click.ts';
import { errorCode, type Connect } from './connection.ts';

export interface ClickerOptions {
  readonly connect: Connect;
  readonly port: number;
  readonly thread: number;
  /** the domain of the next click */
  readonly nextName: () => string;
}

/** Makes one click; resolves with what went wrong, or undefined. Never rejects. */
export type Clicker = () => Promise<string | undefined>;

/**
 * Sends a click on a connection and waits for its answer. Must not be used twice at a time on one connection, which it
 * ends behind an answer that says it is the last.
 */
const clickOn = (socket: TLSSocket, name: string, target: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    let text = '';
    const done = (fault: string | undefined): void => {
      socket.off('data', hear).off('error', fail).off('close', closed);
      resolve(fault);
    };
    const fail = (error: Error): void => done(errorCode(error));
    const closed = (): void => done('closed');
    const hear = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const answer = readAnswer(text);
      if (answer === undefined) return;
      if (answer !== 'framing' && answer.isLast) socket.end();
      done(answer === 'framing' || answer.length !== text.length ? 'framing' : faultOf(answer, name, target));
    };
    socket.on('data', hear).once('error', fail).once('close', closed);
    socket.write(requestText(name, target), 'latin1');
  });

/** What comes late on a connection that is done with concerns no click. */
const ignore = (): void => undefined;

/** A connection for each click; `isResumed` takes up the session of the click before, of the same name. */
export const createFreshClicker = (options: ClickerOptions, isResumed: boolean): Clicker => {
  const { connect, port, thread, nextName } = options;
  const sessions = new Map<string, Buffer>();
  let clicks = 0;
  return async () => {
    const name = nextName();
    const session = isResumed ? sessions.get(name) : undefined;
    const socket = connect({
      port,
      name,
      protocol: 'http/1.1',
      ...(session === undefined ? {} : { session }),
    });
    if (isResumed) socket.on('session', (ticket: Buffer) => sessions.set(name, ticket));
    clicks += 1;
    const fault = await clickOn(socket, name, targetOf(thread, clicks));
    socket.on('error', ignore);
    const isFull = session !== undefined && fault === undefined && !socket.isSessionReused();
    socket.end();
    socket.resume();
    return isFull ? 'not-resumed' : fault;
  };
};

/** Clicks one after the other on one connection, which is opened again when the target has closed it. */
export const createKeptClicker = (options: ClickerOptions): Clicker => {
  const { connect, port, thread, nextName } = options;
  let socket: TLSSocket | undefined;
  let name = '';
  let clicks = 0;
  return async () => {
    if (socket === undefined || socket.destroyed || !socket.writable) {
      name = nextName();
      socket = connect({ port, name, protocol: 'http/1.1' }).on('error', ignore);
    }
    clicks += 1;
    const fault = await clickOn(socket, name, targetOf(thread, clicks));
    if (fault !== undefined) socket.destroy();
    return fault;
  };
};
