import t from 'tap';
import { LinkgateError } from '../../../src/core/errors.ts';
import { upstreamError } from '../../../src/serve/upstream/network-error.ts';

const withCode = (code: string): Error => Object.assign(new Error(code), { code });

t.test('each kind of failure has its code, and its cause', (t) => {
  for (const [code, ours] of [
    ['ECONNREFUSED', 'ERR_UPSTREAM_UNREACHABLE'],
    ['ENOTFOUND', 'ERR_UPSTREAM_UNREACHABLE'],
    ['EAI_AGAIN', 'ERR_UPSTREAM_UNREACHABLE'],
    ['ETIMEDOUT', 'ERR_UPSTREAM_UNREACHABLE'],
    ['CERT_HAS_EXPIRED', 'ERR_UPSTREAM_TLS'],
    ['CERT_SIGNATURE_FAILURE', 'ERR_UPSTREAM_TLS'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'ERR_UPSTREAM_TLS'],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'ERR_UPSTREAM_TLS'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'ERR_UPSTREAM_TLS'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ERR_UPSTREAM_TLS'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_UPSTREAM_TLS'],
    ['EPIPE', 'ERR_UPSTREAM_INVALID'],
    ['ECONNRESET', 'ERR_UPSTREAM_INVALID'],
    ['', 'ERR_UPSTREAM_INVALID'],
  ] as const) {
    const cause = withCode(code);
    t.match(upstreamError(cause), { code: ours, cause }, code);
  }
  const several = new AggregateError([withCode('ECONNREFUSED'), withCode('EHOSTUNREACH')]);
  t.equal(upstreamError(several).code, 'ERR_UPSTREAM_UNREACHABLE');
  const known = new LinkgateError('ERR_UPSTREAM_BUSY', 'x');
  t.equal(upstreamError(known), known);
  t.end();
});
