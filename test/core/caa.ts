import t from 'tap';
import { caaAllows, caaIdentities } from '../../src/core/caa.ts';

const le = ['letsencrypt.org'];

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

t.test('public CAs have their names, others are not judged', async (t) => {
  t.same(caaIdentities('https://acme-v02.api.letsencrypt.org/directory'), le);
  t.equal(caaIdentities('https://pebble.example/dir'), undefined);
  t.equal(caaIdentities('nonsense'), undefined);
});
