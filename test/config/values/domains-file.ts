import * as fc from 'fast-check';
import t from 'tap';
import { parseDomainsFile } from '../../../src/config/values/domains-file.ts';

t.test('a name a line, then words, comments and blank lines', async (t) => {
  const text =
    '# all\n\nLinks.Example.com.\n  b.example.com\tregion=eu  redirectHttp=true # why\r\nc.example.com #region=us\nd.example.com keyType=rsa-2048\n';
  t.strictSame(parseDomainsFile('d.txt', text), {
    domains: [
      { name: 'links.example.com', redirectHttp: false, line: 3 },
      { name: 'b.example.com', redirectHttp: true, region: 'eu', line: 4 },
      { name: 'c.example.com', redirectHttp: false, line: 5 },
      { name: 'd.example.com', redirectHttp: false, keyType: 'rsa-2048', line: 6 },
    ],
    problems: [],
  });
});

t.test('every mistake has its place; a line with one is left out', async (t) => {
  const text =
    '*.a.com\nb.com region=uk regio=eu x\nc.com redirectHttp redirectHttp=yes region=eu region=us\n=\nd.com\ne.com keyType=rsa\n';
  const { domains, problems } = parseDomainsFile('d.txt', text);
  t.strictSame(domains, [{ name: 'd.com', redirectHttp: false, line: 5 }]);
  t.strictSame(
    problems.map(({ file, line, column, path, message }) => `${file}:${line}:${column} ${path}: ${message}`),
    [
      'd.txt:1:1 name: "*.a.com" is a wildcard: write each name out',
      'd.txt:2:7 region: must be us or eu, not "uk"',
      'd.txt:2:17 : unknown word "regio=eu"; did you mean region?',
      'd.txt:2:26 : unknown word "x"; known here: region, redirectHttp, keyType',
      'd.txt:3:7 redirectHttp: must be true or false, not ""',
      'd.txt:3:20 redirectHttp: must be true or false, not "yes"',
      'd.txt:3:47 region: is given twice on this line',
      'd.txt:4:1 name: "=" is not a domain name such as links.example.com',
      'd.txt:6:7 keyType: must be ecdsa-p256, ecdsa-p384 or rsa-2048, not "rsa"',
    ],
  );
});

t.test('what is written is read back', async () => {
  const line = fc.record({
    name: fc.domain().map((name) => name.toLowerCase()),
    region: fc.constantFrom('us', 'eu', undefined),
    redirectHttp: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const text = lines.map(
        ({ name, region, redirectHttp }) =>
          `${name}${region === undefined ? '' : ` region=${region}`} redirectHttp=${redirectHttp}`,
      );
      const { domains, problems } = parseDomainsFile('d.txt', text.join('\n'));
      return (
        problems.length === 0 &&
        domains.length === lines.length &&
        domains.every(({ name, region, redirectHttp }, index) => {
          const wanted = lines[index];
          return name === wanted?.name && region === wanted.region && redirectHttp === wanted.redirectHttp;
        })
      );
    }),
  );
});

t.test('any text gives lines or problems', async () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', '.', '=', ' ', '#', '\n', 'region', 'eu', 'é', '\0') }),
      (text) => {
        const { domains, problems } = parseDomainsFile('d', text);
        return [...domains, ...problems].every(({ line }) => line >= 1 && line <= text.split('\n').length);
      },
    ),
    { numRuns: 2000 },
  );
});

t.test('a hundred thousand lines take about a second at most', async (t) => {
  const text = Array.from({ length: 100_000 }, (_, i) => `links${i}.example.com region=eu`).join('\n');
  const begin = performance.now();
  const { domains, problems } = parseDomainsFile('d.txt', text);
  const seconds = (performance.now() - begin) / 1000;
  t.equal(domains.length, 100_000);
  t.equal(problems.length, 0);
  t.ok(seconds < 5, `${seconds.toFixed(2)} s (the ceiling leaves room for a busy machine)`);
});
