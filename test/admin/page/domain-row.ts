import t from 'tap';
import { domainRow, groupOf, rankOf, type DomainStatus } from '../../../src/admin/page/domain-row.ts';
import { NOW_MS, sampleStatus } from '../../helpers/sample-page.ts';

const AROUND = { nowMs: NOW_MS, ready: true, upstreamHealthy: () => true };
const status = sampleStatus();

const named = (start: string): DomainStatus => {
  const found = status.domains.find(({ name }) => name.startsWith(start));
  if (found === undefined) throw new Error(start);
  return found;
};
const live = named('links.acme');
const inState = (state: DomainStatus['state'], change: Partial<DomainStatus> = {}): DomainStatus => ({
  ...live,
  state,
  https: state === 'live',
  certificate: { ...live.certificate, state },
  ...change,
});

t.test('the three statuses', async (t) => {
  const row = domainRow(live, AROUND);
  t.match(row, {
    http: { tone: 'good', word: 'Served', note: 'forwards' },
    https: { tone: 'good', word: 'Served' },
    hsts: { tone: 'good', word: 'None' },
  });
  t.match(domainRow({ ...live, http: 'redirect', hstsMaxAge: 3600 }, AROUND), {
    http: { note: 'redirects to https' },
    hsts: { tone: 'warn', word: 'Warning', note: 'hsts is set: 60 minutes' },
  });
  for (const [state, tone, word] of [
    ['pending', 'warn', 'Waiting'],
    ['failing', 'bad', 'Failing'],
    ['expired', 'bad', 'Failing'],
    ['retired', 'good', 'Served'],
  ] as const) {
    t.match(domainRow(inState(state), AROUND), { http: { tone: 'good' }, https: { tone, word } }, state);
  }
  const silent = domainRow(live, { ...AROUND, upstreamHealthy: () => false });
  t.match(silent, { http: { tone: 'bad', word: 'Failing' }, https: { tone: 'bad', word: 'Failing' } });
  t.match(domainRow(live, { ...AROUND, ready: false }), {
    http: { tone: 'bad', word: 'Not served' },
    https: { tone: 'bad', word: 'Not served' },
  });
});

t.test('days left, of the whole life, and where the renewal is', async (t) => {
  const { certificate } = domainRow(live, AROUND);
  t.match(certificate, { tone: 'good', word: '78 days left', note: 'letsencrypt, until 2027-02-09' });
  t.ok(Math.abs((certificate.left ?? 0) - 78 / 90) < 0.01);
  t.ok(Math.abs((certificate.renewAt ?? 0) - 30 / 90) < 0.01);
  const at = (daysLeft: number, days = 90): DomainStatus => {
    const notAfter = new Date(NOW_MS + daysLeft * 86_400_000);
    const notBefore = new Date(notAfter.getTime() - days * 86_400_000).toISOString();
    return { ...live, certificate: { ...live.certificate, notBefore, notAfter: notAfter.toISOString() } };
  };
  t.match(domainRow(at(8.9), AROUND).certificate, { tone: 'bad' });
  t.match(domainRow(at(9.1), AROUND).certificate, { tone: 'good' });
  t.match(domainRow(at(2, 6), AROUND).certificate, { tone: 'good' }, 'a short-lived one');
  t.match(domainRow(at(-1), AROUND).certificate, { tone: 'bad', word: 'Expired 24 hours ago', left: 0 });
  t.match(domainRow(named('mail.'), AROUND).certificate, { word: 'None yet', left: undefined });
});

t.test('what comes next', async (t) => {
  const next = (domain: DomainStatus): string => domainRow(domain, AROUND).next;
  t.equal(next(live), 'Renews in 48 days');
  t.equal(next(named('news.')), 'Tries again in 6 minutes');
  t.equal(next(named('e.')), 'Tries again in 5 hours');
  t.equal(next(named('mail.')), 'Orders in 20 seconds');
  t.equal(next(named('links.oldmill')), 'Import the next one before 2026-12-13');
  t.equal(next(inState('retired')), 'Ends with its certificate');
  const unplanned = { ...live.certificate, nextAttempt: null };
  t.equal(next(inState('pending', { certificate: unplanned })), 'First order now');
  t.equal(next({ ...live, certificate: unplanned }), 'Nothing planned');
  const past = { ...live.certificate, nextAttempt: new Date(NOW_MS - 60_000).toISOString() };
  t.equal(next({ ...live, certificate: past }), 'Renews now');
});

t.test('a problem, and what it means for links meanwhile', async (t) => {
  t.equal(domainRow(live, AROUND).problem, undefined);
  t.match(domainRow(named('news.'), AROUND).problem, {
    what: /could not connect/,
    remedy: /Open ports 80 and 443/,
    meanwhile: /https:\/\/ do not open/,
    detail: /Timeout during connect/,
    type: 'urn:ietf:params:acme:error:connection',
  });
  t.match(domainRow(named('e.'), AROUND).problem, { meanwhile: /Links work: .* until 2027-01-08/ });
});

t.test('who needs somebody goes first', async (t) => {
  const sorted = status.domains
    .toSorted((a, b) => rankOf(a) - rankOf(b))
    .map(({ name }) => name.split('.')[0]);
  t.strictSame(sorted.slice(0, 3), ['news', 'e', 'mail']);
  t.ok(rankOf(inState('expired')) < rankOf(inState('failing')));
  t.strictSame(['news.', 'e.', 'mail.', 'links.acme'].map(named).map(groupOf), [
    'attention',
    'attention',
    'waiting',
    'fine',
  ]);
});
