import t from 'tap';
import { addressText, resolverAddress } from '../../../src/cli/arguments/resolver-address.ts';

t.test('addresses with and without a port', async (t) => {
  for (const [text, shown] of [
    ['192.0.2.1', '192.0.2.1:53'],
    ['192.0.2.1:5353', '192.0.2.1:5353'],
    ['2001:db8::1', '[2001:db8::1]:53'],
    ['[2001:db8::1]:5353', '[2001:db8::1]:5353'],
  ] as const)
    t.equal(addressText(resolverAddress(text)), shown);
  for (const text of ['dns', '', ':53', '192.0.2.1:0', '192.0.2.1:x'])
    t.throws(() => resolverAddress(text), { code: 'ERR_USAGE', message: /--resolver/ }, text);
});
