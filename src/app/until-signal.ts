// Waiting for the word to stop: SIGTERM or SIGINT once to drain, a second time to cut.

export interface Stopping {
  /** resolves at the first signal */
  readonly asked: Promise<void>;
  /** called at the second */
  onSecond: (() => void) | undefined;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Takes over SIGTERM and SIGINT of this process for good. */
export const untilSignal = (): Stopping => {
  let heard = 0;
  let resolveAsked: () => void = () => undefined;
  const stopping: Stopping = {
    asked: new Promise((resolve) => {
      resolveAsked = resolve;
    }),
    onSecond: undefined,
  };
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      heard += 1;
      if (heard === 1) resolveAsked();
      else stopping.onSecond?.();
    });
  }
  return stopping;
};
