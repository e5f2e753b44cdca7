import { getCiphers } from 'node:tls';
import t from 'tap';
import { SERVER_TLS } from '../../../src/core/platform/server-tls.ts';

t.test('this OpenSSL has every suite of the list: it leaves out unknown ones without a word', async (t) => {
  const suites = SERVER_TLS.ciphers.split(':');
  t.equal(new Set(suites).size, 9);
  const known = new Set(getCiphers());
  t.same(
    suites.filter((suite) => !known.has(suite.toLowerCase())),
    [],
  );
});
