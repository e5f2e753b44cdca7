// Workers under supervision without a whole supervisor: their sockets, and what is heard of their starts and ends.

import type { Test } from 'tap';
import { holdSocket } from '../../src/app/supervisor/held-socket.ts';
import { Workers, type WorkersOptions } from '../../src/app/supervisor/workers.ts';
import type { Events } from '../../src/core/events.ts';
import { systemClock } from '../../src/core/platform/clock.ts';
import type { Settings } from '../../src/core/settings.ts';

export interface Supervised {
  readonly workers: Workers;
  readonly port: number;
  readonly httpsPort: number;
  readonly exits: Events['worker.exited'][];
  readonly numbers: { readonly started: number[]; readonly exited: number[] };
}

/** Stopped, and the sockets closed, at the end of the test. */
export const supervise = (t: Test, settings: Settings, change: Partial<WorkersOptions> = {}): Supervised => {
  const sockets = {
    https: holdSocket('https', settings.listen.https),
    http: holdSocket('http', settings.listen.http),
  };
  const exits: Events['worker.exited'][] = [];
  const numbers = { started: [] as number[], exited: [] as number[] };
  const workers = new Workers({
    settings,
    sockets: { https: sockets.https.handle, http: sockets.http.handle },
    logLevel: 'silent',
    ticketKeys: () => Buffer.alloc(48),
    emit: (name, event) => {
      if (name === 'worker.exited') exits.push(event as Events['worker.exited']);
    },
    clock: systemClock,
    onStarted: (worker) => numbers.started.push(worker),
    onExited: (worker) => numbers.exited.push(worker),
    onMeasured: () => undefined,
    ...change,
  });
  t.teardown(async () => {
    await workers.stop(0);
    sockets.https.close();
    sockets.http.close();
  });
  return { workers, port: sockets.http.address.port, httpsPort: sockets.https.address.port, exits, numbers };
};
