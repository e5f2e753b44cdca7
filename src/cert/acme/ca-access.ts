// The way to one CA, shared by all its orders: the trust of its caFile and its directory. Each piece of work has its own connections
// and its own signal. Knows no account and no order.

import type { SecureContext } from 'node:tls';
import type { Clock } from '../../core/platform/clock.ts';
import type { AcmeIssuerSettings } from '../../core/settings.ts';
import { asDirectory, type AcmeDirectory } from './acme-objects.ts';
import { AcmeTransport, createTrust, readCaFile } from './transport.ts';

const DIRECTORY_MAX_AGE_MS = 3_600_000;

export interface CaAccessOptions {
  readonly settings: Pick<AcmeIssuerSettings, 'directory' | 'caFile'>;
  readonly clock: Clock;
  /** for one request */
  readonly requestTimeoutMs: number;
}

export class CaAccess {
  readonly #options: CaAccessOptions;
  #trusted: { readonly caPem: string; readonly context: SecureContext } | undefined;
  #directory: { readonly found: Promise<AcmeDirectory>; readonly atMs: number } | undefined;

  constructor(options: CaAccessOptions) {
    this.#options = options;
  }

  /** Does `work` over connections of its own, which are closed in the end. */
  async connect<T>(signal: AbortSignal, work: (transport: AcmeTransport) => Promise<T>): Promise<T> {
    const { clock, requestTimeoutMs } = this.#options;
    const trust = await this.#trust();
    const transport = new AcmeTransport({
      clock,
      signal,
      requestTimeoutMs,
      ...(trust === undefined ? {} : { trust }),
    });
    try {
      return await work(transport);
    } finally {
      transport.close();
    }
  }

  /**
   * The directory of the CA: one request for everybody who asks at the same time, and at most one an hour. A failure is not kept.
   * @param signal - stops waiting; the request goes on for the others
   * @throws LinkgateError `ERR_ACME_*`
   */
  directory(signal: AbortSignal): Promise<AcmeDirectory> {
    const nowMs = this.#options.clock.now();
    const ageMs = this.#directory === undefined ? Infinity : nowMs - this.#directory.atMs;
    const isFresh = ageMs >= 0 && ageMs < DIRECTORY_MAX_AGE_MS;
    const known = isFresh ? this.#directory : undefined;
    return unlessAborted(signal, () => known?.found ?? this.#fetchDirectory(nowMs));
  }

  #fetchDirectory(atMs: number): Promise<AcmeDirectory> {
    // Not under the signal of the first who asks: the time limit of the request ends it.
    const found = this.connect(new AbortController().signal, async (transport) =>
      asDirectory((await transport.request(this.#options.settings.directory, 'get')).data),
    );
    const fetched = { found, atMs };
    this.#directory = fetched;
    found.catch(() => {
      if (this.#directory === fetched) this.#directory = undefined;
    });
    return found;
  }

  /** The file may change, so it is read each time; it is parsed when it has changed. */
  async #trust(): Promise<SecureContext | undefined> {
    const caPem = await readCaFile(this.#options.settings.caFile);
    if (caPem === undefined) return undefined;
    if (this.#trusted?.caPem !== caPem) this.#trusted = { caPem, context: createTrust(caPem) };
    return this.#trusted.context;
  }
}

/** Stops waiting when the signal aborts; the work itself goes on. */
const unlessAborted = async <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
  signal.throwIfAborted();
  const settled = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), {
      once: true,
      signal: settled.signal,
    });
  });
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    settled.abort();
  }
};
