// What can go wrong at one step of the test CA, told by a test.

/** The resources of a CA (RFC 8555 §7.1, RFC 9773 §4). */
export type Step =
  | 'directory'
  | 'newNonce'
  | 'newAccount'
  | 'account'
  | 'newOrder'
  | 'order'
  | 'authorization'
  | 'challenge'
  | 'finalize'
  | 'certificate'
  | 'renewalInfo'
  | 'revokeCert';

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** an object is sent as JSON */
  readonly body?: object | string;
}

/** `hang` never answers, `reset` breaks the connection off. */
export type Fault = Answer | 'hang' | 'reset';

/** A problem document (RFC 7807). */
export const problem = (
  status: number,
  type: string,
  extra: Readonly<Record<string, unknown>> = {},
): Answer & { readonly body: object } => ({
  status,
  headers: { 'content-type': 'application/problem+json' },
  body: { type: `urn:ietf:params:acme:error:${type}`, detail: `detail of ${type}`, status, ...extra },
});

/** 429 with Retry-After in seconds, or as a date. */
export const rateLimited = (retryAfter: number | Date): Answer => {
  const answer = problem(429, 'rateLimited');
  const value = typeof retryAfter === 'number' ? String(retryAfter) : retryAfter.toUTCString();
  return { ...answer, headers: { ...answer.headers, 'retry-after': value } };
};

/** What a load balancer says when nobody is behind it. */
export const unavailable: Answer = {
  status: 503,
  headers: { 'content-type': 'text/html' },
  body: '<html><h1>503 Service Unavailable</h1></html>',
};

/** 10 MB that begin like what was asked for. */
export const endless = (type: string): Answer => ({
  headers: { 'content-type': type },
  body: ' '.repeat(10 * 1024 * 1024),
});

export const badNonce = problem(400, 'badNonce');
export const alreadyReplaced = problem(409, 'alreadyReplaced');
export const malformed = problem(400, 'malformed');
