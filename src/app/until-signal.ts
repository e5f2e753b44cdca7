// Waiting for the word to stop: SIGTERM or SIGINT once to drain, a second time to cut.

export interface Stopping {
  /** resolves at the first signal */
  readonly asked: Promise<void>;
  /** called at every further one */
  onAgain: (() => void) | undefined;
}

/** Takes over SIGTERM and SIGINT of this process for good. */
export const untilSignal = (): Stopping => {
  let heard = false;
  const stopping: Stopping = {
    asked: new Promise((resolve) => {
      const hear = (): void => {
        if (heard) stopping.onAgain?.();
        heard = true;
        resolve();
      };
      process.on('SIGTERM', hear);
      process.on('SIGINT', hear);
    }),
    onAgain: undefined,
  };
  return stopping;
};
