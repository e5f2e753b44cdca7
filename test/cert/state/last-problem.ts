import t from 'tap';
import { lastProblemOf } from '../../../src/cert/state/last-problem.ts';
import { ERRORS, LinkgateError } from '../../../src/core/errors.ts';

t.test('type, detail and subproblems are the words of the CA', async (t) => {
  const error = new LinkgateError('ERR_ACME_REFUSED', 'order for "a.example.com" was refused', {
    details: {
      issuer: 'letsencrypt',
      type: 'urn:ietf:params:acme:error:compound',
      detail: 'Errors during finalization',
      subproblems: [
        { type: 'urn:ietf:params:acme:error:caa', detail: 'CAA forbids it', name: 'a.example.com' },
        { type: 'urn:ietf:params:acme:error:dns', detail: '' },
      ],
    },
  });
  t.same(lastProblemOf(error, 0), {
    at: '1970-01-01T00:00:00.000Z',
    issuer: 'letsencrypt',
    type: 'urn:ietf:params:acme:error:compound',
    detail: 'Errors during finalization; a.example.com: CAA forbids it; ?: urn:ietf:params:acme:error:dns',
    remedy: ERRORS.ERR_ACME_REFUSED.help,
  });
});

t.test('an error of our own says its code, and a flood is cut', async (t) => {
  const { type, issuer, detail } = lastProblemOf(
    new LinkgateError('ERR_ACME_UNREACHABLE', 'x'.repeat(10_000), { details: { type: 'about:blank' } }),
    0,
  );
  t.same([type, issuer, detail.length], ['ERR_ACME_UNREACHABLE', '', 2_000]);
});
