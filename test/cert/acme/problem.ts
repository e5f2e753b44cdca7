import t from 'tap';
import {
  isProblemType,
  parseProblem,
  parseRetryAfter,
  refusalError,
  validationError,
} from '../../../src/cert/acme/problem.ts';

const urn = (type: string): string => `urn:ietf:params:acme:error:${type}`;
const nowMs = Date.UTC(2026, 0, 1);

t.test('a problem document keeps the words of the CA, on one line and of limited length', async (t) => {
  t.same(
    parseProblem({
      type: urn('malformed'),
      detail: 'two\nlines\u001b[31m',
      subproblems: [
        { type: urn('dns'), detail: 'NXDOMAIN', identifier: { type: 'dns', value: 'links.example.com' } },
        'nonsense',
      ],
    }),
    {
      type: urn('malformed'),
      detail: 'two lines [31m',
      subproblems: [
        { type: urn('dns'), detail: 'NXDOMAIN', name: 'links.example.com' },
        { type: 'about:blank', detail: '' },
      ],
    },
  );
  for (const nonsense of [undefined, null, '<html>', 7, [], { type: 5 }]) {
    t.same(parseProblem(nonsense), { type: 'about:blank', detail: '', subproblems: [] });
  }
  const long = parseProblem({
    detail: 'x'.repeat(5000),
    subproblems: Array.from({ length: 500 }, () => ({})),
  });
  t.equal(long.detail.length, 1000);
  t.equal(long.subproblems.length, 20);
});

const dated = (ms: number): string => new Date(nowMs + ms).toUTCString();

t.test('Retry-After is understood in both forms and bounded to a day', async (t) => {
  for (const [value, expected] of [
    ['120', 120_000],
    [' 0 ', 0],
    ['999999999', 86_400_000],
    [dated(90_000), 90_000],
    [dated(-90_000), 0],
    [dated(30 * 86_400_000), 86_400_000],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ] as const) {
    t.equal(parseRetryAfter(value, nowMs), expected, String(value));
  }
});

const refused = (type: string, status: number) =>
  refusalError({
    subject: 'POST "https://ca/order"',
    problem: parseProblem({ type, detail: 'why' }),
    status,
    retryAfterMs: 5,
  });

t.test('each refusal has its code, and the words of the CA in message and details', async (t) => {
  t.match(refused(urn('rateLimited'), 429), {
    code: 'ERR_ACME_RATE_LIMITED',
    message: 'POST "https://ca/order" was rate limited: rateLimited: why',
    details: { type: urn('rateLimited'), detail: 'why', status: 429, retryAfterMs: 5, subproblems: [] },
  });
  t.equal(refused('about:blank', 429).code, 'ERR_ACME_RATE_LIMITED');
  t.equal(refused(urn('rateLimited'), 403).code, 'ERR_ACME_RATE_LIMITED');
  t.equal(refused('about:blank', 503).message, 'POST "https://ca/order" failed at the CA with 503: why');
  t.equal(refused('about:blank', 503).code, 'ERR_ACME_UNREACHABLE');
  t.equal(refused(urn('serverInternal'), 500).code, 'ERR_ACME_UNREACHABLE');
  t.equal(refused(urn('rejectedIdentifier'), 400).code, 'ERR_ACME_REFUSED');
});

t.test('a failed validation is the fault of the name, unless the CA says otherwise', async (t) => {
  const failed = (type: string) => validationError('links.example.com', parseProblem({ type: urn(type) }));
  for (const type of ['connection', 'dns', 'unauthorized', 'incorrectResponse', 'tls']) {
    t.equal(failed(type).code, 'ERR_ACME_UNAUTHORIZED', type);
  }
  t.equal(failed('caa').code, 'ERR_ACME_REFUSED');
  t.equal(failed('rateLimited').code, 'ERR_ACME_RATE_LIMITED');
  t.equal(failed('serverInternal').code, 'ERR_ACME_UNREACHABLE');
  t.equal(isProblemType({ type: urn('caa') }, 'caa'), true);
});
