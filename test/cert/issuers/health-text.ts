import t from 'tap';
import { formatHealth, parseHealth, type IssuerHealth } from '../../../src/cert/issuers/health-text.ts';

const down: IssuerHealth = {
  issuer: 'first',
  directory: 'https://ca.example/dir',
  failures: 2,
  sinceMs: 5,
  lastFailure: { atMs: 7, code: 'ERR_ACME_TIMEOUT', detail: 'late' },
  lastSuccessMs: 3,
  passedOverUntilMs: 9,
};
const stored = (...issuers: readonly unknown[]): string => JSON.stringify({ version: 1, issuers });

t.test('health comes back as it was written', async (t) => {
  const issuers = [down, { issuer: 'local', failures: 0 }];
  t.same(parseHealth(formatHealth(issuers)), issuers);
});

t.test('what cannot be understood is left out', async (t) => {
  for (const text of ['', '{', 'null', '[]', '{"version":2,"issuers":[]}', '{"version":1,"issuers":{}}']) {
    t.same(parseHealth(text), [], text);
  }
  t.same(parseHealth(stored(null, 5, { issuer: 5 }, { issuer: 'x', failures: 'many', sinceMs: null })), [
    { issuer: 'x', failures: 0 },
  ]);
  const odd = { ...down, lastFailure: { atMs: 1, code: 'ERR_X' }, directory: 5, failures: -1 };
  t.match(parseHealth(stored(odd)), [{ failures: 0, lastFailure: { code: 'ERR_INTERNAL', detail: '' } }]);
  t.notOk('directory' in (parseHealth(stored(odd))[0] ?? {}));
  t.same(
    parseHealth(stored({ ...down, lastFailure: { code: 'ERR_ACME_TIMEOUT' } }))[0]?.lastFailure,
    undefined,
  );
  t.equal(
    parseHealth(stored(...Array.from({ length: 100 }, () => down))).length,
    64,
    'a file cannot grow for ever',
  );
});
