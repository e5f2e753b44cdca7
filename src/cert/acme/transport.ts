// How a CA is asked: one HTTPS request with a limit in time and size, its own trust, no proxy and no redirect. It stands
// where acme-client would use its axios, which is one global for all clients, retries by itself, reports a failed connection
// as a TypeError and has no ceiling. Problem documents and network failures leave here as LinkgateErrors.

import { readFile } from 'node:fs/promises';
import https from 'node:https';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Clock } from '../../core/platform/clock.ts';
import { trustedRoots } from '../../core/platform/trusted-roots.ts';
import { LinkgateError } from '../../core/errors.ts';
import { withDeadline } from '../../core/platform/deadline.ts';
import { isProblemType, parseProblem, parseRetryAfter, refusalError } from './problem.ts';

/** The part of an axios response that acme-client looks at. */
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

export interface AcmeTransport {
  readonly request: AcmeRequest;
  /** closes the connections */
  close(): void;
}

export interface AcmeTransportOptions {
  /** from `createTrust`; the system's roots alone when absent */
  readonly trust?: SecureContext;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** for one request, to the last byte of its answer */
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

/** The system's roots with others beside them: some 50 ms of work, so once for many transports. */
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

/** A transport of its own for one piece of work with a CA. */
export const createAcmeTransport = (options: AcmeTransportOptions): AcmeTransport => {
  const { trust, clock, signal, requestTimeoutMs } = options;
  const agent = new https.Agent({
    keepAlive: true,
    maxSockets: 4,
    ...(trust === undefined ? {} : { secureContext: trust }),
  });

  const send = (
    url: URL,
    method: string,
    body: string | undefined,
    signal: AbortSignal,
  ): Promise<{ response: IncomingMessage; text: string }> =>
    new Promise((resolve, reject) => {
      const request = https.request(url, {
        agent,
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
        // The CA closed an idle connection just then. Sent again even for a POST: its nonce can be used only once.
        if (request.reusedSocket && error.code === 'ECONNRESET') resolve(send(url, method, body, signal));
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

  const requestUntil = async (
    url: URL,
    method: string,
    body: string | undefined,
    limit: AbortSignal,
  ): Promise<AcmeResponse> => {
    try {
      const { response, text } = await send(url, method, body, limit);
      const status = response.statusCode ?? 0;
      const answer = {
        status,
        headers: response.headers,
        data: parseBody(response.headers['content-type'] ?? '', text),
      };
      if (status >= 200 && status < 300) return answer;
      const problem = parseProblem(answer.data);
      // acme-client answers this one itself, with the nonce that came along (RFC 8555 §6.5).
      if (isProblemType(problem, 'badNonce')) return answer;
      throw refusalError({
        subject: `${method.toUpperCase()} "${url.href}"`,
        problem,
        status,
        retryAfterMs: parseRetryAfter(response.headers['retry-after'], clock.now()),
      });
    } catch (error) {
      if (limit.reason instanceof LinkgateError) throw limit.reason;
      if (error instanceof LinkgateError) throw error;
      if (signal.aborted) throw signal.reason;
      const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      throw unreachable(url.href, `could not be asked: ${code}`, error);
    }
  };

  const request: AcmeRequest = async (address, method, { data } = {}) => {
    if (!URL.canParse(address) || new URL(address).protocol !== 'https:') {
      throw unreachable(String(address), 'has an address that is not https');
    }
    const url = new URL(address);
    const body = data === undefined ? undefined : JSON.stringify(data);
    const late = (): Error =>
      new LinkgateError('ERR_ACME_TIMEOUT', `CA at "${url.href}" did not answer in ${requestTimeoutMs} ms`);
    return withDeadline({ clock, limitMs: requestTimeoutMs, signal, late }, (limit) =>
      requestUntil(url, method, body, limit),
    );
  };

  return { request, close: () => agent.destroy() };
};
