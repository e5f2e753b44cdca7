// Medians, quantiles and ratios of what was measured. Pure; must not know what the numbers stand for.

/** A figure over several rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

const ascending = (values: readonly number[]): number[] => values.toSorted((a, b) => a - b);

/** The middle one, or the mean of the two in the middle; NaN of nothing. */
export const median = (values: readonly number[]): number => {
  const sorted = ascending(values);
  const half = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(half) - 1] ?? NaN, sorted[Math.floor(half)] ?? NaN];
  return (low + high) / 2;
};

/**
 * The smallest value that at least the share `q` of all values does not exceed (nearest rank).
 * @param sorted - ascending
 * @param q - 0 to 1
 */
export const quantile = (sorted: ArrayLike<number>, q: number): number =>
  sorted[Math.max(Math.ceil(sorted.length * q) - 1, 0)] ?? NaN;

export const spread = (values: readonly number[]): Spread => {
  const sorted = ascending(values);
  return { median: median(values), min: sorted[0] ?? NaN, max: sorted.at(-1) ?? NaN };
};

/**
 * How `ours` stands to `theirs`, round by round: what a round had in common (a busy machine) falls out of the quotient.
 * Rounds that one of them lacks are left out.
 */
export const ratio = (
  ours: readonly (number | undefined)[],
  theirs: readonly (number | undefined)[],
): Spread | undefined => {
  const quotients = ours.flatMap((value, round) => {
    const other = theirs[round];
    return value === undefined || other === undefined || other === 0 ? [] : [value / other];
  });
  return quotients.length === 0 ? undefined : spread(quotients);
};
