import t from 'tap';
import { unknownDomain } from '../../src/core/unknown-domain.ts';

const configured = ['links.acme.com', 'clicks.acme.eu'];

t.test('a misspelt name: the error names the configured one', async (t) => {
  t.match(unknownDomain('lniks.acme.com', configured), {
    code: 'ERR_CERT_UNKNOWN_NAME',
    message: 'domain "lniks.acme.com" is not configured: did you mean "links.acme.com"?',
    details: { domain: 'lniks.acme.com' },
  });
});

t.test('a name that is like no other: no guess', async (t) => {
  t.equal(unknownDomain('x.example', configured).message, 'domain "x.example" is not configured');
});
