// How one gate's attempts to connect to an upstream went, and what the reports of all gates together mean.

/** Plain data: a gate tells it to the keeper. Times are the machine's own, 0 for never. */
export interface UpstreamContact {
  /** attempts that failed since the last one that did not */
  readonly failures: number;
  readonly failedMs: number;
  readonly connectedMs: number;
}

/** As many in a row say that it is not one bad moment. */
const FAILURES = 3;

/**
 * Whether an upstream can be reached: not, when the last attempts of a gate failed and none of any gate has succeeded since.
 * @returns undefined when nobody has tried yet
 */
export const isReachable = (contacts: readonly UpstreamContact[]): boolean | undefined => {
  if (contacts.every(({ failedMs, connectedMs }) => failedMs === 0 && connectedMs === 0)) return undefined;
  const connectedMs = Math.max(...contacts.map((contact) => contact.connectedMs));
  return !contacts.some(({ failures, failedMs }) => failures >= FAILURES && failedMs > connectedMs);
};
