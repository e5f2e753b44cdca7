// What one domain served on one day: counted by observe/, shown by admin/.

export interface DayCount {
  /** `2026-11-23`, UTC */
  readonly date: string;
  /** requests by kind; kinds without any are absent */
  readonly kinds: Readonly<Record<string, number>>;
}
