// What the admin port answers with: a status, a body, and the fields that keep a browser from doing anything else with it.

/** One answer, whole. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly fields?: Readonly<Record<string, string | readonly string[]>>;
}

export const TEXT = 'text/plain; charset=utf-8';

export const textResponse = (status: number, body: string, fields: Answer['fields'] = {}): Answer => ({
  status,
  type: TEXT,
  body,
  fields,
});

/** On every answer; a page allows itself its own style and script. */
export const SAFE_FIELDS: Readonly<Record<string, string>> = Object.freeze({
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
});
