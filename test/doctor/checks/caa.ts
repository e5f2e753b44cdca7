import t from 'tap';
import type { CaaAsker } from '../../../src/dns/caa.ts';
import { checkCaa } from '../../../src/doctor/checks/caa.ts';
import { examine, idsOf, resolverFor } from '../../helpers/examine.ts';
import { needs } from '../../helpers/needs.ts';

t.test('CAA as a CA looks it up', { skip: needs('named') }, async (t) => {
  const resolver = await resolverFor(t, [
    'open IN A 127.0.0.1',
    'le IN CAA 0 issue "letsencrypt.org"',
    'other IN CAA 0 issue "pki.goog"',
    'deep.below.other IN A 127.0.0.1',
    'alias IN CNAME target',
    'target IN CAA 0 issue "digicert.com"',
    'nobody IN CAA 0 issue ";"',
    'account IN CAA 0 issue "letsencrypt.org; accounturi=https://ca.example/acct/1"',
    'odd IN CAA 128 tbs "unknown"',
    'wild IN CAA 0 issuewild ";"',
  ]);
  const ids = async (label: string, cas: readonly CaaAsker[] = [{ identities: ['letsencrypt.org'] }]) => {
    const name = `${label}.example.com`;
    return checkCaa(await examine(t, { resolver, domain: { name }, places: [], tools: { cas } }));
  };
  for (const label of ['open', 'le', 'wild']) t.strictSame(idsOf(await ids(label)), ['green'], label);
  for (const label of ['other', 'nobody', 'odd'])
    t.strictSame(idsOf(await ids(label)), ['caa-forbids'], label);
  t.match(await ids('deep.below.other'), [
    { id: 'caa-forbids', what: /other\.example\.com/, evidence: [/at other/, 'CAA 0 issue "pki.goog"'] },
  ]);
  t.match(await ids('alias'), [
    { id: 'caa-forbids', remedy: 'add at target.example.com: CAA 0 issue "letsencrypt.org"' },
  ]);
  t.strictSame(
    idsOf(await ids('other', [{ identities: ['letsencrypt.org'] }, { identities: ['pki.goog'] }])),
    ['green'],
    'one of two CAs',
  );
  t.match(
    await ids('account'),
    [{ id: 'caa-account', level: 'amber', evidence: [/at account/, /accounturi/] }],
    'no account is known',
  );
  const account = (number: number) => [
    { identities: ['letsencrypt.org'], accountUrl: `https://ca.example/acct/${number}` },
  ];
  t.strictSame(idsOf(await ids('account', account(1))), ['green']);
  t.match(await ids('account', account(2)), [
    { id: 'caa-forbids', remedy: /issue "letsencrypt\.org; accounturi=https:\/\/ca\.example\/acct\/2"$/ },
  ]);
  t.match(await ids('other', []), [{ level: 'green', what: /no public CA/ }]);
  const refused = await checkCaa(
    await examine(t, { resolver, domain: { name: 'links.example.net' }, places: [] }),
  );
  t.match(refused, [{ id: 'caa-failed', evidence: ['CAA: EREFUSED'] }]);
});
