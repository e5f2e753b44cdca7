import t from 'tap';
import { createNameResolver, lookUpCaa, lookUpName } from '../../../src/doctor/examination/name-facts.ts';
import { failingNameServer, resolverFor } from '../../helpers/clinic.ts';
import { needs } from '../../helpers/needs.ts';

t.test('names of BIND', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, [
    'a IN CNAME b',
    'b IN CNAME c',
    'c IN A 127.0.0.1',
    'c IN AAAA ::1',
    'c IN CAA 0 issue "x.example"',
    'ring IN CNAME ring2',
    'ring2 IN CNAME ring',
  ]);
  t.strictSame(await lookUpName(resolver, 'a.example.com'), {
    chain: ['a.example.com', 'b.example.com', 'c.example.com'],
    v4: ['127.0.0.1'],
    v6: ['::1'],
    failures: [],
  });
  t.strictSame(await lookUpName(resolver, 'none.example.com'), {
    chain: ['none.example.com'],
    v4: [],
    v6: [],
    failures: [],
  });
  t.match(await lookUpName(resolver, 'ring.example.com'), {
    chain: ['ring.example.com', 'ring2.example.com'],
    v4: [],
  });
  t.match(await lookUpCaa(resolver, 'below.a.example.com'), {
    at: 'a.example.com',
    records: [{ issue: 'x.example' }],
  });
  t.strictSame(await lookUpCaa(resolver, 'none.example.com'), { records: [], at: 'none.example.com' });
});

t.test('a name server that fails', async (t) => {
  const resolver = createNameResolver([await failingNameServer(t)]);
  const { failures } = await lookUpName(resolver, 'links.example.com');
  t.strictSame(failures.toSorted(), ['A: ESERVFAIL', 'AAAA: ESERVFAIL', 'CNAME: ESERVFAIL']);
  t.match(await lookUpCaa(resolver, 'links.example.com'), {
    at: 'links.example.com',
    failure: 'CAA: ESERVFAIL',
  });
});
