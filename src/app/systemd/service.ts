// The supervisor as a service of systemd (sd_notify(3)): it reports when it is ready, reloads and stops, reports the state of its names,
// and feeds the watchdog for as long as a worker answers. Without NOTIFY_SOCKET it does nothing.

import type { Clock } from '../../core/platform/clock.ts';
import { withDeadline } from '../../core/platform/deadline.ts';
import type { ListenAddress } from '../../core/settings.ts';
import type { CertificateState } from '../../core/certificate-state.ts';
import type { Notify } from './notify.ts';
import { answers } from './probe.ts';

/** How often the line of `systemctl status` is computed; it is sent when it changed. */
const STATUS_MS = 10_000;

export interface ServiceOptions {
  readonly notify: Notify;
  readonly clock: Clock;
  /** WATCHDOG_USEC: systemd kills the service when nothing fed the watchdog for this long; absent without a watchdog */
  readonly watchdogUsec?: string | undefined;
  /** how often the status is computed (10 s) */
  readonly statusMs?: number;
}

/** The part of the supervisor that is needed here. */
export interface Served {
  readonly addresses: { readonly http: ListenAddress };
  states(): readonly CertificateState[];
}

export interface Service {
  /** sends READY, and from now on the status and the watchdog, until `stopping` */
  started(supervisor: Served): Promise<void>;
  /** does the work of a reload: sends RELOADING before it, READY after it */
  reloading<T>(work: () => Promise<T>): Promise<T>;
  stopping(): Promise<void>;
}

const ORDER: readonly CertificateState[] = ['live', 'pending', 'failing', 'expired', 'retired'];

/** `3 names: 2 live, 1 pending` */
export const statusLine = (states: readonly CertificateState[]): string => {
  const counts = ORDER.map((state) => [states.filter((one) => one === state).length, state] as const)
    .filter(([count]) => count > 0)
    .map(([count, state]) => `${count} ${state}`);
  return `${states.length} ${states.length === 1 ? 'name' : 'names'}: ${counts.join(', ') || 'none served'}`;
};

/** systemd takes whole microseconds above 0. */
const watchdogMs = (text: string | undefined): number | undefined => {
  const usec = /^[1-9]\d{0,15}$/.test(text ?? '') ? Number(text) : undefined;
  return usec === undefined ? undefined : usec / 1000;
};

export const createService = ({
  notify,
  clock,
  watchdogUsec,
  statusMs = STATUS_MS,
}: ServiceOptions): Service => {
  const over = new AbortController();
  const { signal } = over;
  let sent = '';
  let supervisor: Served | undefined;
  const status = (): readonly string[] => {
    if (supervisor === undefined) return [];
    sent = statusLine(supervisor.states());
    return [`STATUS=${sent}`];
  };

  const sendStatus = async (served: Served): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(statusMs, signal);
      if (!signal.aborted && statusLine(served.states()) !== sent) await notify.send(status());
    }
  };

  /** Half of the time is what sd_watchdog_enabled(3) asks for; a probe may take half of that. */
  const feed = async ({ addresses }: Served, everyMs: number): Promise<void> => {
    while (!signal.aborted) {
      const limit = { clock, limitMs: everyMs / 4, signal, late: () => new Error('no answer') };
      const alive = await withDeadline(limit, (signal) => answers(addresses.http, signal));
      if (alive) await notify.send(['WATCHDOG=1']);
      await clock.sleep(everyMs / 2, signal);
    }
  };

  return {
    started: async (started) => {
      supervisor = started;
      await notify.send(['READY=1', ...status()]);
      void sendStatus(started);
      const everyMs = watchdogMs(watchdogUsec);
      if (everyMs !== undefined) void feed(started, everyMs);
    },
    reloading: async (work) => {
      // CLOCK_MONOTONIC, which is what hrtime reads
      await notify.send(['RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`]);
      try {
        return await work();
      } finally {
        await notify.send(['READY=1', ...status()]);
      }
    },
    stopping: async () => {
      over.abort();
      await notify.send(['STOPPING=1', 'STATUS=requests in flight are finished']);
    },
  };
};
