// What a place to put TXT records offers to dns-01. Two are known: a name server that takes dynamic updates (rfc2136.ts), and a
// program of the user's (exec.ts).

export interface TxtRecord {
  /** where the record stands, aliases already followed; without a trailing dot */
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
  /** Removes that record and no other; quiet when there is none. @throws LinkgateError `ERR_DNS_UNAVAILABLE` */
  cleanUp(record: TxtRecord, signal: AbortSignal): Promise<void>;
}
