// Remembers every event that was emitted, in order.

import type { Emit, EventName, Events } from '../../src/core/events.ts';

export interface Recorder {
  readonly emit: Emit;
  readonly names: () => readonly EventName[];
  of<N extends EventName>(name: N): readonly Events[N][];
}

export const recorder = (): Recorder => {
  const all: { readonly name: EventName; readonly event: unknown }[] = [];
  return {
    emit: (name, event) => {
      all.push({ name, event });
    },
    names: () => all.map(({ name }) => name),
    of: <N extends EventName>(name: N) =>
      all.filter((entry) => entry.name === name).map(({ event }) => event as Events[N]),
  };
};
