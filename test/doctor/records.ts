import t from 'tap';
import { judgeRecords, type CaaRecord } from '../../src/dns/caa.ts';
import type { NameFacts } from '../../src/dns/name-facts.ts';
import { compareRecord, wantedRecords, zoneLines, type WantedRecord } from '../../src/doctor/records.ts';

const NAME = 'links.acme.com';
const LE = { identities: ['letsencrypt.org'] };
const facts = (change: Partial<NameFacts> = {}): NameFacts => ({
  chain: [NAME],
  isEndless: false,
  v4: [],
  v6: [],
  failures: [],
  ...change,
});
const only = (records: readonly WantedRecord[], type: WantedRecord['type']): WantedRecord => {
  const found = records.find((one) => one.type === type);
  if (found === undefined) throw new Error(`no ${type}`);
  return found;
};

t.test('what is wanted', async (t) => {
  t.match(wantedRecords({ name: NAME, target: { addresses: ['203.0.113.7', '2001:db8::7'] }, cas: [LE] }), [
    { name: NAME, type: 'A', values: ['203.0.113.7'], optional: false },
    { name: NAME, type: 'AAAA', values: ['2001:db8::7'], optional: false },
    { name: NAME, type: 'CAA', values: ['0 issue "letsencrypt.org"'], optional: true },
  ]);
  const byName = wantedRecords({
    name: NAME,
    target: { name: 'proxy.acme.net' },
    cas: [LE, LE],
    challengeZone: 'acme.example.net',
    isChallengeNeeded: true,
  });
  t.match(byName, [
    { name: NAME, type: 'CNAME', values: ['proxy.acme.net'] },
    { name: 'proxy.acme.net', type: 'CAA', values: ['0 issue "letsencrypt.org"'] },
    {
      name: `_acme-challenge.${NAME}`,
      type: 'CNAME',
      values: [`${NAME}.acme.example.net`],
      optional: false,
    },
  ]);
  const inside = wantedRecords({
    name: NAME,
    target: { name: 'x.example' },
    cas: [],
    challengeZone: 'acme.com',
  });
  t.equal(inside.length, 1, 'a zone that the name is in needs no alias');
});

t.test('addresses, compared with what is there', async (t) => {
  const wanted = wantedRecords({ name: NAME, target: { addresses: ['203.0.113.7'] }, cas: [] });
  const state = (type: 'A' | 'AAAA', change: Partial<NameFacts>) =>
    compareRecord(only(wanted, type), { facts: facts(change) }).state;
  t.equal(state('A', { v4: ['203.0.113.7'] }), 'ok');
  t.equal(state('A', { v4: ['203.0.113.7'], chain: [NAME, 'p.example'] }), 'ok', 'by an alias');
  t.equal(state('A', {}), 'missing');
  t.equal(state('A', { failures: ['A: ESERVFAIL'] }), 'failed');
  t.equal(state('A', { failures: ['A: ESERVFAIL'], isEndless: true }), 'missing', 'aliases in a circle');
  t.equal(state('A', { v4: ['203.0.113.9'] }), 'differs');
  t.equal(state('A', { v4: ['203.0.113.7', '203.0.113.9'] }), 'differs', 'one too many');
  t.equal(state('AAAA', {}), 'ok', 'none wanted, none there');
  t.equal(state('AAAA', { v6: ['2001:db8::7'] }), 'differs', 'a stray one');
});

t.test('aliases, compared with what is there', async (t) => {
  const wanted = only(wantedRecords({ name: NAME, target: { name: 'proxy.acme.net' }, cas: [] }), 'CNAME');
  const target = facts({ chain: ['proxy.acme.net'], v4: ['203.0.113.7'] });
  const view = (change: Partial<NameFacts>) => compareRecord(wanted, { facts: facts(change), target });
  t.match(view({ chain: [NAME, 'proxy.acme.net'] }), { state: 'ok', now: ['proxy.acme.net'] });
  t.equal(view({ chain: [NAME, 'lb.acme.com', 'proxy.acme.net'] }).state, 'ok', 'in two steps');
  t.match(view({ v4: ['203.0.113.7'] }), { state: 'ok', now: ['203.0.113.7'] }, 'flattened');
  t.equal(view({ v4: ['203.0.113.9'] }).state, 'differs');
  t.equal(view({ chain: [NAME, 'e.customeriomail.com'] }).state, 'differs');
  t.equal(view({}).state, 'missing');
  t.equal(view({ failures: ['CNAME: ESERVFAIL'] }).state, 'failed');
});

t.test('the alias of dns-01 may lead anywhere in its zone', async (t) => {
  const records = (isChallengeNeeded: boolean) =>
    wantedRecords({
      name: NAME,
      target: { addresses: [] },
      cas: [],
      challengeZone: 'dyn.example',
      isChallengeNeeded,
    });
  const owner = `_acme-challenge.${NAME}`;
  const state = (needed: boolean, chain: readonly string[]) =>
    compareRecord(only(records(needed), 'CNAME'), { facts: facts({ chain }) }).state;
  t.equal(state(true, [owner, 'x.dyn.example']), 'ok');
  t.equal(state(true, [owner, 'x.elsewhere.example']), 'differs');
  t.equal(state(true, [owner]), 'missing');
  t.equal(state(false, [owner]), 'optional');
});

t.test('CAA is a problem only when it forbids', async (t) => {
  const wanted = only(wantedRecords({ name: NAME, target: { addresses: [] }, cas: [LE] }), 'CAA');
  const view = (records: readonly CaaRecord[], failure?: string) =>
    compareRecord(wanted, {
      facts: facts(),
      caa: {
        records,
        at: NAME,
        owner: NAME,
        allowing: 'letsencrypt.org',
        ...(failure === undefined
          ? { verdict: judgeRecords(records, [LE]) }
          : { verdict: 'failed' as const, failure }),
      },
    });
  t.equal(view([]).state, 'optional');
  t.match(view([{ critical: 0, issue: 'letsencrypt.org' }]), {
    state: 'ok',
    now: ['0 issue "letsencrypt.org"'],
  });
  t.match(view([{ critical: 0, issue: 'pki.goog' }]), { state: 'differs', now: ['0 issue "pki.goog"'] });
  t.equal(view([{ critical: 0, issue: 'letsencrypt.org; accounturi=https://ca/1' }]).state, 'unsure');
  t.equal(view([], 'CAA: ESERVFAIL').state, 'failed');
});

t.test('lines for a zone file', async (t) => {
  const records = wantedRecords({
    name: NAME,
    target: { addresses: ['203.0.113.7', '203.0.113.8'] },
    cas: [LE],
    challengeZone: 'dyn.example',
  });
  t.strictSame(zoneLines(records), [
    'links.acme.com.                  300  IN  A      203.0.113.7',
    'links.acme.com.                  300  IN  A      203.0.113.8',
    '; links.acme.com.                  no AAAA record',
    'links.acme.com.                  300  IN  CAA    0 issue "letsencrypt.org"  ; optional',
    '_acme-challenge.links.acme.com.  300  IN  CNAME  links.acme.com.dyn.example.  ; optional',
  ]);
});
