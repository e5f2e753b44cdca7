import t from 'tap';
import { judgeCaa } from '../../src/dns/caa-judgement.ts';
import { createDnsResolver } from '../../src/dns/resolver.ts';
import { failingNameServer, resolverFor } from '../helpers/examine.ts';
import { needs } from '../helpers/needs.ts';

const le = { identities: ['letsencrypt.org'] };

t.test('the closest records decide, aliases followed', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, [
    'a IN CNAME b',
    'b IN CNAME c',
    'c IN CAA 0 issue "x.example"',
    'open.shut IN CAA 0 issue "letsencrypt.org"',
    'shut IN CAA 0 issue ";"',
    'account IN CAA 0 issue "letsencrypt.org; accounturi=https://ca/acct/1"',
  ]);
  const judge = (label: string, askers: Parameters<typeof judgeCaa>[1]['askers'] = [le]) =>
    judgeCaa(resolver, { name: `${label}.example.com`, askers });
  t.match(await judge('below.a'), {
    verdict: 'forbidden',
    at: 'a.example.com',
    owner: 'c.example.com',
    records: [{ issue: 'x.example' }],
    allowing: 'letsencrypt.org',
  });
  t.strictSame(await judge('none'), {
    verdict: 'allowed',
    records: [],
    at: 'none.example.com',
    owner: 'none.example.com',
    allowing: 'letsencrypt.org',
  });
  t.match(await judge('x.open.shut'), { verdict: 'allowed', at: 'open.shut.example.com' });
  t.match(await judge('x.y.shut'), { verdict: 'forbidden', at: 'shut.example.com' });
  t.match(await judge('account'), { verdict: 'unsure' });
  t.match(await judge('account', [{ ...le, accountUrl: 'https://ca/acct/2' }]), {
    verdict: 'forbidden',
    allowing: 'letsencrypt.org; accounturi=https://ca/acct/2',
  });
  t.match(await judge('account', [{ ...le, accountUrl: 'https://ca/acct/1' }]), { verdict: 'allowed' });
});

t.test('a name server that fails', async (t) => {
  const resolver = createDnsResolver({ servers: [await failingNameServer(t)] });
  t.match(await judgeCaa(resolver, { name: 'links.example.com', askers: [le] }), {
    verdict: 'failed',
    at: 'links.example.com',
    failure: 'CAA: ESERVFAIL',
  });
});
