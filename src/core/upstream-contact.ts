// The results of one worker's attempts to connect to an upstream, and what the reports of all workers mean together.

/** Plain data that a worker sends to the supervisor. Times are of this machine; 0: never. */
export interface UpstreamContact {
  /** failed attempts since the last success */
  readonly failures: number;
  readonly failedMs: number;
  readonly connectedMs: number;
}

/** This many in a row are more than one bad moment. */
const FAILURES = 3;

/**
 * Whether an upstream can be reached. It cannot when the last attempts of a worker failed and no worker has succeeded since.
 * @returns undefined before the first attempt
 */
export const isReachable = (contacts: readonly UpstreamContact[]): boolean | undefined => {
  if (contacts.every(({ failedMs, connectedMs }) => failedMs === 0 && connectedMs === 0)) return undefined;
  const connectedMs = Math.max(...contacts.map((contact) => contact.connectedMs));
  return !contacts.some(({ failures, failedMs }) => failures >= FAILURES && failedMs > connectedMs);
};
