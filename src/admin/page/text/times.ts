// Times and counts in the words of the page. Pure; everything is UTC.

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
export const DAY_MS = 86_400_000;

/** `1 day`, `3 days` */
export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number.toLocaleString('en')} ${number === 1 ? one : many}`;

/** The two ends of a wait in one unit: `45 seconds`, `12 minutes`, `5 hours`, `61 days`. */
export const span = (ms: number): string => {
  const length = Math.abs(ms);
  if (length < 90_000) return count(Math.round(length / 1000), 'second');
  if (length < 120 * MINUTE_MS) return count(Math.round(length / MINUTE_MS), 'minute');
  if (length < 48 * HOUR_MS) return count(Math.round(length / HOUR_MS), 'hour');
  return count(Math.floor(length / DAY_MS), 'day');
};

/** `in 5 hours`, `12 minutes ago`, `now` */
export const fromNow = (atMs: number, nowMs: number): string => {
  const ms = atMs - nowMs;
  if (Math.abs(ms) < 5_000) return 'now';
  return ms > 0 ? `in ${span(ms)}` : `${span(ms)} ago`;
};

/** `2026-12-24` */
export const day = (atMs: number): string => new Date(atMs).toISOString().slice(0, 10);

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** `14:03`, or `22 Nov` when it was not today */
export const clockTime = (atMs: number, nowMs: number): string => {
  const at = new Date(atMs);
  if (day(atMs) === day(nowMs)) return at.toISOString().slice(11, 16);
  return `${at.getUTCDate()} ${MONTHS[at.getUTCMonth()] ?? ''}`;
};
