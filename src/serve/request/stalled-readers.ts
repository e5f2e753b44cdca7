// Answers whose clients take nothing at the moment: each holds a connection to the tracker while it waits. A few clients
// that ask for long answers and never read must not hold all of them, for clicks have no other.

/** An answer that can be broken off. */
export interface StalledReader {
  cut(): void;
}

export interface StalledReaders {
  /** It stalls from now on. Where too many do, the one that has for longest is cut: a slow client moves now and then. */
  enter(reader: StalledReader): void;
  /** it goes on, or is over; quiet when it did not stall */
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
