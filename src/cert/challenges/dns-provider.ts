// The contract of a DNS provider for dns-01. There are two: a name server with dynamic updates (rfc2136.ts), and a program of the
// user's (exec.ts).

export interface TxtRecord {
  /** name of the record, after aliases were followed; without a trailing dot */
  readonly name: string;
  readonly value: string;
  /** apex of the zone that `name` is in */
  readonly zone: string;
}

export interface DnsProvider {
  /**
   * Adds the record; other records of that name stay.
   * @throws LinkgateError `ERR_DNS_UNAVAILABLE`
   */
  present(record: TxtRecord, signal: AbortSignal): Promise<void>;
  /** Removes that record and no other; does nothing when there is none. @throws LinkgateError `ERR_DNS_UNAVAILABLE` */
  cleanUp(record: TxtRecord, signal: AbortSignal): Promise<void>;
}
