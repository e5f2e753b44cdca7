import t from 'tap';
import { lookUpName, nameState } from '../../src/dns/name-facts.ts';
import { createDnsResolver } from '../../src/dns/resolver.ts';
import { failingNameServer, resolverFor } from '../helpers/examine.ts';
import { needs } from '../helpers/needs.ts';

t.test('names of BIND', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, [
    'a IN CNAME b',
    'b IN CNAME c',
    'c IN A 127.0.0.1',
    'c IN AAAA ::1',
    'ring IN CNAME ring2',
    'ring2 IN CNAME ring',
  ]);
  t.strictSame(await lookUpName(resolver, 'a.example.com'), {
    chain: ['a.example.com', 'b.example.com', 'c.example.com'],
    isEndless: false,
    v4: ['127.0.0.1'],
    v6: ['::1'],
    failures: [],
  });
  t.strictSame(await lookUpName(resolver, 'none.example.com'), {
    chain: ['none.example.com'],
    isEndless: false,
    v4: [],
    v6: [],
    failures: [],
  });
  t.match(await lookUpName(resolver, 'ring.example.com'), {
    chain: ['ring.example.com', 'ring2.example.com'],
    isEndless: true,
    v4: [],
  });
  const stateOf = async (label: string) => nameState(await lookUpName(resolver, `${label}.example.com`));
  t.equal(await stateOf('a'), 'found');
  t.equal(await stateOf('none'), 'absent');
  t.equal(await stateOf('ring'), 'endless');
});

t.test('a name server that fails', async (t) => {
  const resolver = createDnsResolver({ servers: [await failingNameServer(t)] });
  const { failures } = await lookUpName(resolver, 'links.example.com');
  t.strictSame(failures.toSorted(), ['A: ESERVFAIL', 'AAAA: ESERVFAIL', 'CNAME: ESERVFAIL']);
  t.equal(nameState({ chain: [], isEndless: false, v4: [], v6: [], failures }), 'failed');
});
