// What one domain served on one day. observe/ counts it, admin/ shows it.

export interface DayCount {
  /** `2026-11-23`, UTC */
  readonly date: string;
  /** requests by kind; kinds without requests are absent */
  readonly kinds: Readonly<Record<string, number>>;
}
