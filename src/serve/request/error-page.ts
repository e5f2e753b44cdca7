// The small page for a person when linkgate, not the tracker, responds with an error: a status and an id, nothing of the request and
// nothing internal. The log has the rest under the same id.

import { STATUS_CODES } from 'node:http';
import type { Exchange } from '../http/exchange.ts';

const WORDS: Readonly<Record<number, string>> = {
  408: 'The request took too long to arrive.',
  413: 'The request is larger than this address accepts.',
  421: 'This address is not served here.',
  502: 'The page behind this link could not be reached. Please try again in a moment.',
  503: 'There is a lot going on right now. Please try again in a moment.',
  504: 'The page behind this link took too long to answer. Please try again in a moment.',
};

const wantsHtml = (exchange: Exchange): boolean => {
  for (let i = 0; i < exchange.fields.length; i += 2) {
    if (exchange.fields[i]?.toLowerCase() === 'accept')
      return exchange.fields[i + 1]?.includes('text/html') === true;
  }
  return false;
};

/**
 * Responds with an error: HTML if the client accepts it, else text (RFC 9110 §12.5.1); never cached.
 * @param id - the request's id; hex and digits only, so it needs no escaping
 * @returns bytes of content sent
 */
export const sendErrorPage = (exchange: Exchange, status: number, id: string): number => {
  const title = `${status} ${STATUS_CODES[status] ?? 'Error'}`;
  const words = WORDS[status] ?? 'This request could not be served.';
  const html = wantsHtml(exchange);
  const body = Buffer.from(
    html
      ? `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><h1>${title}</h1><p>${words}</p><p><small>${id}</small></p></html>\n`
      : `${title}\n${words}\n${id}\n`,
  );
  const fields = [
    'Content-Type',
    html ? 'text/html; charset=utf-8' : 'text/plain; charset=utf-8',
    'Content-Length',
    String(body.length),
    'Cache-Control',
    'no-store',
    'X-Content-Type-Options',
    'nosniff',
  ];
  if (status === 503) fields.push('Retry-After', '1');
  exchange.head(status, STATUS_CODES[status] ?? 'Error', fields);
  const withBody = exchange.method !== 'HEAD';
  if (withBody) exchange.write(body);
  exchange.end();
  return withBody ? body.length : 0;
};
