// Responses whose clients do not read at the moment. Each holds a connection to the tracker while it waits. A few clients that never read
// long responses must not hold all connections: clicks have no others.

/** A response that can be cut off. */
export interface StalledReader {
  cut(): void;
}

export interface StalledReaders {
  /** The response stalls from now on. When too many do, the oldest is cut: a slow client reads from time to time. */
  enter(reader: StalledReader): void;
  /** the response goes on, or is over; does nothing when it did not stall */
  leave(reader: StalledReader): void;
}

export const createStalledReaders = (places: number): StalledReaders => {
  /** in the order in which they stalled */
  const stalled = new Set<StalledReader>();
  return {
    enter: (reader) => {
      stalled.add(reader);
      if (stalled.size <= places) return;
      const [longest] = stalled;
      if (longest === undefined) return;
      stalled.delete(longest);
      longest.cut();
    },
    leave: (reader) => {
      stalled.delete(reader);
    },
  };
};
