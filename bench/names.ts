// Which domain the next click goes to: always the same, all alike, or as links are really clicked (Zipf). Pure: randomness is passed in.

export type Distribution = 'one' | 'uniform' | 'zipf';

/** The name of the `index`-th domain, from 0. */
export const domainName = (index: number): string => `links.d${String(index).padStart(6, '0')}.example`;

/**
 * Cumulated shares of ranks 1 to `count` when the share of rank k is proportional to 1/k (Zipf's law with exponent 1).
 * The last one is 1.
 */
export const zipfShares = (count: number): Float64Array => {
  const shares = new Float64Array(count);
  let sum = 0;
  for (let rank = 1; rank <= count; rank += 1) {
    sum += 1 / rank;
    shares[rank - 1] = sum;
  }
  return shares.map((share) => share / sum);
};

/** The first index whose cumulated share exceeds `x`. */
export const indexOfShare = (shares: Float64Array, x: number): number => {
  let [low, high] = [0, shares.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((shares[middle] ?? 1) > x) high = middle;
    else low = middle + 1;
  }
  return low;
};

/**
 * @param random - in [0, 1)
 * @returns a function that draws the index of the next domain
 */
export const createDraw = (
  distribution: Distribution,
  count: number,
  random: () => number,
): (() => number) => {
  if (distribution === 'one') return () => 0;
  if (distribution === 'uniform') return () => Math.floor(random() * count);
  const shares = zipfShares(count);
  return () => indexOfShare(shares, random());
};

/** mulberry32: the same seed draws the same clicks for every target. */
export const seededRandom = (seed: number): (() => number) => {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};
