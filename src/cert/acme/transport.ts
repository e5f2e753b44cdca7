// HTTPS requests to a CA: a limit in time and size, the CA's own trust, no proxy, no redirect. acme-client uses it instead of axios,
// which is one global for all clients, retries by itself, reports a failed connection as a TypeError and has no size limit. Problem
// documents and network failures become LinkgateErrors here.

import { readFile } from 'node:fs/promises';
import https from 'node:https';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Clock } from '../../core/platform/clock.ts';
import { trustedRoots } from '../../core/platform/trusted-roots.ts';
import { LinkgateError } from '../../core/errors.ts';
import { withDeadline } from '../../core/platform/deadline.ts';
import { isProblemType, parseProblem, parseRetryAfter, refusalError } from './problem.ts';

/** The part of an axios response that acme-client reads. */
export interface AcmeResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** parsed when it is JSON, else text */
  readonly data: unknown;
}

/** The signature of acme-client's `HttpClient.request`. */
export type AcmeRequest = (
  url: string,
  method: string,
  options?: { readonly data?: unknown },
) => Promise<AcmeResponse>;

export interface AcmeTransportOptions {
  /** from `createTrust`; the system's roots alone when absent */
  readonly trust?: SecureContext;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** for one request, to the last byte of its response */
  readonly requestTimeoutMs: number;
}

const MOST_BYTES = 1024 * 1024;

/**
 * The PEM of a `caFile`, undefined without one.
 * @throws LinkgateError `ERR_ACME_UNREACHABLE`: the CA cannot be verified without it
 */
export const readCaFile = async (caFile: string | undefined): Promise<string | undefined> => {
  if (caFile === undefined) return undefined;
  try {
    return await readFile(caFile, 'utf8');
  } catch (error) {
    throw new LinkgateError('ERR_ACME_UNREACHABLE', `caFile "${caFile}" cannot be read`, { cause: error });
  }
};

/** The system's roots and those of the PEM. It takes about 50 ms: share the result between transports. */
export const createTrust = (caPem: string): SecureContext => createSecureContext({ ca: trustedRoots(caPem) });

const unreachable = (url: string, what: string, cause?: unknown): LinkgateError =>
  new LinkgateError('ERR_ACME_UNREACHABLE', `CA at "${url}" ${what}`, { cause });

const read = async (url: string, response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw unreachable(url, `sent more than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

const parseBody = (type: string, text: string): unknown => {
  if (!/^application\/([a-z.-]+\+)?json\b/i.test(type)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

interface Received {
  readonly response: IncomingMessage;
  readonly text: string;
}

/** The connections to a CA for one piece of work. */
export class AcmeTransport {
  readonly #options: AcmeTransportOptions;
  readonly #agent: https.Agent;

  constructor(options: AcmeTransportOptions) {
    const { trust } = options;
    this.#options = options;
    this.#agent = new https.Agent({
      keepAlive: true,
      maxSockets: 4,
      ...(trust === undefined ? {} : { secureContext: trust }),
    });
  }

  async request(...[address, method, { data } = {}]: Parameters<AcmeRequest>): Promise<AcmeResponse> {
    if (!URL.canParse(address) || new URL(address).protocol !== 'https:') {
      throw unreachable(String(address), 'has an address that is not https');
    }
    const { clock, signal, requestTimeoutMs: limitMs } = this.#options;
    const url = new URL(address);
    const body = data === undefined ? undefined : JSON.stringify(data);
    const late = (): Error =>
      new LinkgateError('ERR_ACME_TIMEOUT', `CA at "${url.href}" did not answer in ${limitMs} ms`);
    return withDeadline({ clock, limitMs, signal, late }, async (limit) => {
      try {
        return this.#accept(url, method, await this.#send(url, method, body, limit));
      } catch (error) {
        if (limit.reason instanceof LinkgateError) throw limit.reason;
        if (error instanceof LinkgateError) throw error;
        if (signal.aborted) throw signal.reason;
        const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
        throw unreachable(url.href, `could not be asked: ${code}`, error);
      }
    });
  }

  /** Closes the connections. */
  close(): void {
    this.#agent.destroy();
  }

  #send(url: URL, method: string, body: string | undefined, signal: AbortSignal): Promise<Received> {
    return new Promise((resolve, reject) => {
      const request = https.request(url, {
        agent: this.#agent,
        method: method.toUpperCase(),
        signal,
        maxHeaderSize: 16 * 1024,
        headers: {
          // RFC 8555 §6.1 asks for one that names the software and its library.
          'User-Agent': 'linkgate (acme-client 5)',
          ...(body === undefined
            ? {}
            : { 'Content-Type': 'application/jose+json', 'Content-Length': Buffer.byteLength(body) }),
        },
      });
      request.once('error', (error: NodeJS.ErrnoException) => {
        // The CA closed an idle connection at that moment. A POST is repeated too: its nonce can be used only once.
        if (request.reusedSocket && error.code === 'ECONNRESET')
          resolve(this.#send(url, method, body, signal));
        else reject(error);
      });
      request.once('response', (response) => {
        read(url.href, response).then(
          (text) => resolve({ response, text }),
          (error: unknown) => {
            request.destroy();
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
      });
      request.end(body);
    });
  }

  #accept(url: URL, method: string, { response, text }: Received): AcmeResponse {
    const { headers, statusCode: status = 0 } = response;
    const data = parseBody(headers['content-type'] ?? '', text);
    const problem = parseProblem(data);
    // acme-client repeats a request with a bad nonce by itself, with the nonce of this response (RFC 8555 §6.5).
    if ((status >= 200 && status < 300) || isProblemType(problem, 'badNonce'))
      return { status, headers, data };
    throw refusalError({
      subject: `${method.toUpperCase()} "${url.href}"`,
      problem,
      status,
      retryAfterMs: parseRetryAfter(headers['retry-after'], this.#options.clock.now()),
    });
  }
}
