// Waits for the signal to stop: the first SIGTERM or SIGINT asks to drain, a second one to stop at once.

export interface Stopping {
  /** resolves at the first signal */
  readonly asked: Promise<void>;
  /** called at every further signal */
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
