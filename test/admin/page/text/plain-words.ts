import t from 'tap';
import { plainProblem } from '../../../../src/admin/page/text/plain-words.ts';
import { ERRORS } from '../../../../src/core/errors.ts';

const problem = (type: string, detail = 'the detail', remedy = 'the remedy') =>
  plainProblem('links.example.com', { at: '', issuer: '', type, detail, remedy });

t.test('the usual reasons, without a word of ACME', async (t) => {
  for (const type of [
    ...[
      'dns',
      'connection',
      'unauthorized',
      'caa',
      'tls',
      'incorrectResponse',
      'rateLimited',
      'serverInternal',
    ].map((short) => `urn:ietf:params:acme:error:${short}`),
    'ERR_CERT_NAME_UNREADY',
    'ERR_ACME_UNREACHABLE',
    'ERR_STORAGE_UNAVAILABLE',
  ]) {
    const { what, remedy } = problem(type);
    t.match(what, /^[A-Z][^<>]{20,160}\.$/, type);
    t.match(remedy, /^.{10,}$/, type);
    t.notMatch(what, /urn:|ACME|challenge|authorization|the detail/, type);
  }
  t.match(problem('urn:ietf:params:acme:error:connection').remedy, /`linkgate doctor links\.example\.com`/);
});

t.test('every code that an order can end with has words of its own', async (t) => {
  for (const type of Object.keys(ERRORS).filter((code) => /^ERR_(ACME|STORAGE|DNS)_/.test(code))) {
    t.not(problem(type).what, 'The detail.', type);
  }
});

t.test('what is not known is told in the words it came with, as sentences', async (t) => {
  t.strictSame(problem('urn:x'), { what: 'The detail.', remedy: 'The remedy.' });
  t.strictSame(problem('toString', 'Ends well!', ''), { what: 'Ends well!', remedy: '' });
  t.equal(problem('ERR_CERT_NAME_UNREADY', 'x', 'point it here').remedy, 'Point it here.');
});
