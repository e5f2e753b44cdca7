import t from 'tap';
import { followAliases } from '../../src/dns/aliases.ts';
import { failingNameServer, resolverFor } from '../helpers/examine.ts';
import { createDnsResolver } from '../../src/dns/resolver.ts';
import { needs } from '../helpers/needs.ts';

t.test('aliases of BIND', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, [
    'plain IN A 127.0.0.1',
    'self IN CNAME self',
    'ring IN CNAME ring2',
    'ring2 IN CNAME ring3',
    'ring3 IN CNAME ring2',
    ...Array.from({ length: 9 }, (_, i) => `c${i} IN CNAME c${i + 1}`),
    'c9 IN A 127.0.0.1',
  ]);
  const follow = (label: string) => followAliases(resolver, `${label}.example.com`);
  t.strictSame(await follow('plain'), { chain: ['plain.example.com'], isEndless: false });
  t.strictSame(await follow('none'), { chain: ['none.example.com'], isEndless: false });
  t.strictSame(await follow('self'), { chain: ['self.example.com'], isEndless: true });
  t.strictSame(await follow('ring'), {
    chain: ['ring.example.com', 'ring2.example.com', 'ring3.example.com'],
    isEndless: true,
  });
  const eight = await follow('c1');
  t.match(eight, { isEndless: false });
  t.equal(eight.chain.at(-1), 'c9.example.com', 'eight aliases');
  t.match(await follow('c0'), { isEndless: true }, 'nine aliases');
});

t.test('a name server that fails', async (t) => {
  const resolver = createDnsResolver({ servers: [await failingNameServer(t)] });
  t.match(await followAliases(resolver, 'a.example.com'), {
    chain: ['a.example.com'],
    isEndless: false,
    error: { code: 'ESERVFAIL' },
  });
});
