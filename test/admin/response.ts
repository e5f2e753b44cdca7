import t from 'tap';
import { SAFE_FIELDS, textResponse } from '../../src/admin/response.ts';

t.test('text is text, and nothing is cached, framed or guessed', async (t) => {
  t.strictSame(textResponse(404, 'not found\n', { Allow: 'GET' }), {
    status: 404,
    type: 'text/plain; charset=utf-8',
    body: 'not found\n',
    fields: { Allow: 'GET' },
  });
  t.match(SAFE_FIELDS, {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': /default-src 'none'/,
    'X-Content-Type-Options': 'nosniff',
    'X-Frame-Options': 'DENY',
  });
});
