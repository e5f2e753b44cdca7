import { getCiphers } from 'node:tls';
import t from 'tap';
import { serverTls } from '../../../src/core/platform/server-tls.ts';

t.test('this OpenSSL has every suite of the lists: it leaves out unknown ones without a word', async (t) => {
  const known = new Set(getCiphers());
  for (const [profile, count] of [
    ['intermediate', 9],
    ['compatible', 17],
    ['modern', 3],
  ] as const) {
    const suites = serverTls(profile).ciphers.split(':');
    t.equal(new Set(suites).size, count, profile);
    t.same(
      suites.filter((suite) => !known.has(suite.toLowerCase())),
      [],
    );
  }
});
