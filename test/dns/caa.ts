import t from 'tap';
import { allowingValue, caaText, judgeRecords, type CaaAsker, type CaaRecord } from '../../src/dns/caa.ts';

const le: CaaAsker = { identities: ['letsencrypt.org'] };
const caaAllows = (records: readonly CaaRecord[], asker: CaaAsker): boolean =>
  judgeRecords(records, [asker]) === 'allowed';

t.test('who may issue by CAA', async (t) => {
  t.equal(caaAllows([], le), true, 'no record');
  t.equal(caaAllows([{ critical: 0, issue: 'letsencrypt.org' }], le), true);
  t.equal(caaAllows([{ critical: 0, issue: ' LetsEncrypt.org ; validationmethods=http-01' }], le), true);
  t.equal(caaAllows([{ critical: 0, issue: 'digicert.com' }], le), false);
  t.equal(
    caaAllows(
      [
        { critical: 0, issue: 'digicert.com' },
        { critical: 0, issue: 'letsencrypt.org' },
      ],
      le,
    ),
    true,
  );
  t.equal(caaAllows([{ critical: 0, issue: ';' }], le), false, 'nobody');
  t.equal(caaAllows([{ critical: 0, issue: '' }], le), false, 'nobody');
  t.equal(caaAllows([{ critical: 0, issuewild: ';' }], le), true, 'about wildcards only');
  t.equal(caaAllows([{ critical: 0, iodef: 'mailto:a@example.com' }], le), true);
  t.equal(caaAllows([{ critical: 128, tbs: 'x' }], le), false, 'critical and unknown');
  t.equal(caaAllows([{ critical: 0, tbs: 'x' }], le), true);
  t.equal(caaAllows([{ critical: 128, issue: 'letsencrypt.org' }], le), true);
});

t.test('methods and account (RFC 8657)', async (t) => {
  const record = (parameters: string) => [{ critical: 0, issue: `letsencrypt.org;${parameters}` }];
  const asker = { ...le, methods: ['http-01'], accountUrl: 'https://ca/acct/1' };
  t.equal(caaAllows(record('validationmethods=http-01'), asker), true);
  t.equal(caaAllows(record(' ValidationMethods = dns-01,http-01 '), asker), true);
  t.equal(caaAllows(record('validationmethods=dns-01'), asker), false);
  t.equal(caaAllows(record('validationmethods='), asker), false);
  t.equal(caaAllows(record('validationmethods=dns-01'), le), true, 'methods that are not known');
  t.equal(caaAllows(record('accounturi=https://ca/acct/1'), asker), true);
  t.equal(caaAllows(record('accounturi=https://ca/acct/12'), asker), false);
  t.equal(judgeRecords(record('accounturi=https://ca/acct/12'), [le]), 'unsure', 'no account is known');
  t.equal(
    judgeRecords(record('accounturi=https://ca/acct/12;validationmethods=dns-01'), [
      { ...le, methods: ['http-01'] },
    ]),
    'forbidden',
    'whatever the account',
  );
  t.equal(caaAllows(record('accounturi=https://ca/acct/1;accounturi=https://ca/acct/1'), asker), false);
  t.equal(
    judgeRecords(record('accounturi=https://ca/acct/1'), [le, asker]),
    'allowed',
    'one of two is enough',
  );
  t.equal(caaAllows(record('policy=ev;;=x'), asker), true, 'what nobody knows is for the CA');
  const two = [...record('validationmethods=dns-01'), ...record('validationmethods=http-01')];
  t.equal(caaAllows(two, asker), true, 'one record that allows is enough');
});

t.test('a record as a zone file has it, and the value that would allow a CA', async (t) => {
  t.equal(caaText({ critical: 128, issue: 'pki.goog' }), '128 issue "pki.goog"');
  const asker = { ...le, accountUrl: 'https://ca/acct/1' };
  t.equal(allowingValue([{ critical: 0, issue: 'pki.goog' }], asker), 'letsencrypt.org');
  const named = [{ critical: 0, issue: 'letsencrypt.org; accounturi=https://ca/acct/2' }];
  t.equal(allowingValue(named, asker), 'letsencrypt.org; accounturi=https://ca/acct/1');
  t.equal(allowingValue(named, le), 'letsencrypt.org');
});
