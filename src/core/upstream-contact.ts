// How one worker's attempts to connect to an upstream went, and what the reports of all workers together mean.

/** Plain data: a worker tells it to the supervisor. Times are the machine's own, 0 for never. */
export interface UpstreamContact {
  /** attempts that failed since the last one that did not */
  readonly failures: number;
  readonly failedMs: number;
  readonly connectedMs: number;
}

/** As many in a row say that it is not one bad moment. */
const FAILURES = 3;

/**
 * Whether an upstream can be reached: not, when the last attempts of a worker failed and none of any worker has succeeded since.
 * @returns undefined when nobody has tried yet
 */
export const isReachable = (contacts: readonly UpstreamContact[]): boolean | undefined => {
  if (contacts.every(({ failedMs, connectedMs }) => failedMs === 0 && connectedMs === 0)) return undefined;
  const connectedMs = Math.max(...contacts.map((contact) => contact.connectedMs));
  return !contacts.some(({ failures, failedMs }) => failures >= FAILURES && failedMs > connectedMs);
};
