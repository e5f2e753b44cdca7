import * as fc from 'fast-check';
import t from 'tap';
import { configuredName } from '../../../src/config/values/configured-name.ts';
import { isDomainName } from '../../../src/core/domain-name.ts';

t.strictSame(configuredName('Links.Example.COM.'), { name: 'links.example.com' });
t.strictSame(configuredName('xn--bcher-kva.example'), { name: 'xn--bcher-kva.example' });

for (const [text, said] of [
  ['', 'is empty'],
  ['*.example.com', '"*.example.com" is a wildcard: write each name out'],
  ['192.0.2.1', '"192.0.2.1" is an address: give a name'],
  ['[2001:db8::1]', '"[2001:db8::1]" is an address: give a name'],
  ['2001:db8::1', '"2001:db8::1" is an address: give a name'],
  ['bücher.example', '"bücher.example" must be written in its ASCII form: xn--bcher-kva.example'],
  ['lin\u212as.example.com', '"lin\u212as.example.com" must be written in its ASCII form: links.example.com'],
  ['ü', '"ü" is not a domain name such as links.example.com'],
  ['localhost', '"localhost" is not a domain name such as links.example.com'],
  ['https://links.example.com', '"https://links.example.com" is not a domain name such as links.example.com'],
  ['links.example.com:443', '"links.example.com:443" is not a domain name such as links.example.com'],
  ['a_b.example.com', '"a_b.example.com" is not a domain name such as links.example.com'],
  ['a..example.com', '"a..example.com" is not a domain name such as links.example.com'],
  ['links.example.com..', '"links.example.com.." is not a domain name such as links.example.com'],
] as const) {
  t.strictSame(configuredName(text), { problem: said }, text);
}

t.test('any text is a normalized name that stays as it is, or one line', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.domain(),
    fc.domain().map((name) => `${name.toUpperCase()}.`),
  );
  fc.assert(
    fc.property(text, (given) => {
      const read = configuredName(given);
      if ('problem' in read) return read.problem !== '' && !read.problem.includes('\n');
      const again = configuredName(read.name);
      return isDomainName(read.name) && 'name' in again && again.name === read.name;
    }),
    { numRuns: 1000 },
  );
});
