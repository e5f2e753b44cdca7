import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import {
  ERRORS,
  LinkgateError,
  toLinkgateError,
  withDetails,
  type ErrorCode,
} from '../../src/core/errors.ts';
import { holds } from '../helpers/property.ts';

const entries = Object.entries(ERRORS);

t.test('the table', async (t) => {
  t.ok(Object.isFrozen(ERRORS) && entries.every(([, entry]) => Object.isFrozen(entry)), 'is frozen');
  for (const [code, { status, exit, help }] of entries) {
    t.match(code, /^ERR(_[A-Z]+)+$/, `${code} is ERR_<AREA>_<WHAT>`);
    t.ok(Number.isInteger(status) && status >= 400 && status <= 599, `${code} has an error status`);
    t.ok([1, 64, 69, 70, 78].includes(exit), `${code} has an exit code of interface`);
    t.ok(help.length > 10 && help.length <= 120 && !/[\n|]|\.$/.test(help), `${code} has help in one line`);
  }
});

t.test(
  'what a client did wrong is a 4xx, or 501 for what is not served; what the tracker did is 502 to 504',
  async (t) => {
    for (const [code, { status }] of entries) {
      if (code.startsWith('ERR_REQUEST_')) t.ok(status < 500 || status === 501, code);
      if (code.startsWith('ERR_UPSTREAM_')) t.ok([502, 503, 504].includes(status), code);
    }
  },
);

const anyCode = fc.constantFrom(...(Object.keys(ERRORS) as ErrorCode[]));

t.test('a LinkgateError carries code, details, cause and its entry', async (t) => {
  await holds(
    t,
    fc.property(anyCode, fc.string(), fc.string(), (code, message, domain) => {
      const details = { domain };
      const cause = new Error('deep');
      const error = new LinkgateError(code, message, { cause, details });
      assert.equal(error.code, code);
      assert.equal(error.message, message);
      assert.equal(error.cause, cause);
      assert.equal(error.details, details);
      assert.equal(error.entry, ERRORS[code]);
      assert.equal(error.name, 'LinkgateError');
      assert.ok(error instanceof Error);
    }),
  );
});

t.test('without options there are no details and no cause of any kind', async (t) => {
  const error = new LinkgateError('ERR_USAGE', 'no such command');
  t.strictSame(error.details, {});
  t.notOk('cause' in error);
});

const retryAfterMsOf = (error: LinkgateError): number => error.details.retryAfterMs ?? 0;

t.test('the compiler checks the details of each code', async (t) => {
  const limited = new LinkgateError('ERR_ACME_RATE_LIMITED', 'too many', { details: { retryAfterMs: 5 } });
  t.equal(retryAfterMsOf(limited), 5, 'a reader needs neither the code nor a cast');
  t.equal(retryAfterMsOf(new LinkgateError('ERR_USAGE', 'no such command')), 0);

  // @ts-expect-error a number is wanted
  t.ok(new LinkgateError('ERR_ACME_RATE_LIMITED', 'too many', { details: { retryAfterMs: '5' } }));
  // @ts-expect-error no code has this key
  t.ok(new LinkgateError('ERR_ACME_RATE_LIMITED', 'too many', { details: { retryAfter: 5 } }));
  // @ts-expect-error another code has this key
  t.ok(new LinkgateError('ERR_CERT_ABSENT', 'none', { details: { domain: 'a.b', retryAfterMs: 5 } }));
  // @ts-expect-error this code carries no details
  t.ok(new LinkgateError('ERR_USAGE', 'no such command', { details: { domain: 'a.example.com' } }));
  // @ts-expect-error a name that is not ready comes with its remedy
  t.ok(new LinkgateError('ERR_CERT_NAME_UNREADY', 'no record', { details: { domain: 'a.example.com' } }));
  // @ts-expect-error subproblems are parsed before they get here
  t.ok(new LinkgateError('ERR_ACME_REFUSED', 'refused', { details: { subproblems: ['nonsense', null] } }));
  // @ts-expect-error there is no such code
  t.ok(new LinkgateError('ERR_NO_SUCH_CODE', 'never'));
  // @ts-expect-error a reader can only ask for keys that some code has
  t.equal(limited.details.retryAfter, undefined);
  const thrown: unknown = limited;
  // @ts-expect-error what `instanceof` found has the codes of the table and no others
  t.equal(thrown instanceof LinkgateError && thrown.code === 'ERR_NO_SUCH_CODE', false);
});

t.test('withDetails adds a fact of the attempt to an error of any code', async (t) => {
  const cause = new LinkgateError('ERR_ACME_UNAUTHORIZED', 'validation failed', { details: { status: 403 } });
  const error = withDetails(cause, { challenge: 'http-01' });
  t.match(error, { code: 'ERR_ACME_UNAUTHORIZED', message: 'validation failed', cause });
  t.strictSame(error.details, { status: 403, challenge: 'http-01' });
  t.strictSame(cause.details, { status: 403 }, 'the first one stays as it was');
  const storage = withDetails(new LinkgateError('ERR_STORAGE_LOCKED', 'held'), { issuer: 'letsencrypt' });
  t.strictSame(storage.details, { issuer: 'letsencrypt' });
  // @ts-expect-error not a fact that every attempt has
  t.ok(withDetails(cause, { retryAfterMs: 5 }));
});

t.test('toLinkgateError leaves a LinkgateError as it is, under whatever code', async (t) => {
  const error = new LinkgateError('ERR_CERT_INVALID', 'certificate expired');
  t.equal(toLinkgateError(error, 'ERR_USAGE'), error);
});

t.test('toLinkgateError knows a process that may open no more files', async (t) => {
  const error = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
  t.equal(toLinkgateError(error).code, 'ERR_DESCRIPTORS_EXHAUSTED');
  t.equal(toLinkgateError(error, 'ERR_STORAGE_UNAVAILABLE').code, 'ERR_STORAGE_UNAVAILABLE');
});

t.test('toLinkgateError wraps anything else and keeps it as the cause', async (t) => {
  await holds(
    t,
    fc.property(fc.anything({ withNullPrototype: false }), anyCode, (thrown, code) => {
      fc.pre(thrown !== undefined);
      const error = toLinkgateError(thrown, code);
      assert.equal(error.code, code);
      assert.ok(Object.is(error.cause, thrown));
      assert.equal(typeof error.message, 'string');
    }),
    2_000,
  );
  for (const thrown of [{ toString: 0 }, Object.create(null), Symbol('s'), null])
    t.equal(toLinkgateError(thrown).cause, thrown, 'even what cannot be turned into text');
  t.equal(toLinkgateError('plain words').message, 'plain words');
  const cause = new TypeError('x is not a function');
  const error = toLinkgateError(cause);
  t.equal(error.code, 'ERR_INTERNAL', 'a bug unless said otherwise');
  t.equal(error.message, 'x is not a function');
  t.equal(error.cause, cause);
});
