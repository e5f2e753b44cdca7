// Durations and sizes as people write them (`250ms`, `64KiB`). They become numbers once, where they enter the program.

const MS_PER = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES_PER = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

const parse = (text: string, factors: Readonly<Record<string, number>>): number | undefined => {
  const match = /^(\d{1,12})([A-Za-z]+)$/.exec(text);
  const factor = match?.[2] === undefined ? undefined : factors[match[2]];
  const value = factor === undefined ? undefined : Number(match?.[1]) * factor;
  return Number.isSafeInteger(value) ? value : undefined;
};

/** `250ms`, `5s`, `2m`, `12h`, `30d` → milliseconds; undefined when it is not a duration. */
export const durationMs = (text: string): number | undefined => parse(text, MS_PER);

/** `512B`, `64KiB`, `1MiB`, `2GiB` → bytes; undefined when it is not a size. */
export const sizeBytes = (text: string): number | undefined => parse(text, BYTES_PER);

const format = (value: number, factors: Readonly<Record<string, number>>): string => {
  let best: readonly [string, number] | undefined;
  for (const pair of Object.entries(factors)) {
    if (value % pair[1] === 0 && (best === undefined || (pair[1] > best[1] && value >= pair[1]))) best = pair;
  }
  return best === undefined ? String(value) : `${value / best[1]}${best[0]}`;
};

/** Milliseconds → the shortest exact spelling (`60000` → `1m`). */
export const formatDuration = (ms: number): string => format(ms, MS_PER);

/** Bytes → the shortest exact spelling (`65536` → `64KiB`). */
export const formatSize = (bytes: number): string => format(bytes, BYTES_PER);
