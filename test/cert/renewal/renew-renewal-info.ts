import t from 'tap';
import type { Issued } from '../../../src/cert/renewal/issue.ts';
import type { IssuanceState } from '../../../src/cert/state/issuance-state.ts';
import type { StoredCertificate } from '../../../src/cert/state/store.ts';
import { LinkgateError } from '../../../src/core/errors.ts';
import { renewalOf, unreachableName } from '../../helpers/renewal.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;
const HOUR = 60 * MINUTE;
const a = 'a.example.com';

t.test('the window of the CA is asked for, kept across restarts, and followed', async (t) => {
  const asked: string[] = [];
  const windows: { windowStartMs: number; windowEndMs: number }[] = [];
  const renewalInfo = async ({ serial, keyPem }: StoredCertificate) => {
    asked.push(serial);
    t.equal(keyPem, 'secret', 'the whole certificate, as the issuer needs it');
    const [first] = windows;
    return first === undefined ? undefined : { ...first, retryAfterMs: 6 * HOUR };
  };
  const first = renewalOf(t, { names: [a], renewalInfo });
  const startMs = first.clock.now();
  windows.push({ windowStartMs: startMs + 2 * DAY, windowEndMs: startMs + 3 * DAY });
  first.renewal.start();
  await first.clock.advance(MINUTE);
  t.same(asked, ['1'], 'once, at once');
  const chosen = first.renewal.status()[0]?.nextAttempt ?? '';
  t.ok(Date.parse(chosen) >= startMs + 2 * DAY && Date.parse(chosen) < startMs + 3 * DAY, chosen);
  await first.clock.advance(6 * HOUR);
  t.equal(asked.length, 2, 'again when the CA said');
  t.equal(first.renewal.status()[0]?.nextAttempt, chosen, 'and the moment stands');
  await first.renewal.stop();

  const second = renewalOf(t, { names: [a], renewalInfo, stored: first.stored, states: first.states });
  second.clock.jump(first.clock.now());
  second.renewal.start();
  await second.clock.advance(MINUTE);
  t.equal(second.renewal.status()[0]?.nextAttempt, chosen, 'after a restart too');
  t.equal(asked.length, 2);
  // The certificate is revoked: a window in the past.
  windows[0] = { windowStartMs: startMs - 2 * DAY, windowEndMs: startMs - DAY };
  await second.clock.advance(6 * HOUR);
  t.equal(asked.length, 4, 'asked for the old one and for the new one');
  t.equal(second.asked.length, 1, 'ordered at once');
  await second.clock.advance(HOUR);
  t.equal(second.asked.length, 2, 'and so is the next, an hour after');
  await second.clock.advance(6 * DAY);
  t.equal(second.asked.length, 5, 'a CA that takes back whatever it gives makes no loop');
  await second.clock.advance(DAY - 30 * MINUTE);
  t.equal(second.asked.length, 6, 'five in seven days');
});

t.test('a CA that cannot be asked for its window changes nothing', async (t) => {
  let asked = 0;
  const renewalInfo = async () => {
    asked += 1;
    throw new LinkgateError('ERR_ACME_UNREACHABLE', 'down');
  };
  const { clock, renewal } = renewalOf(t, { names: [a], renewalInfo });
  renewal.start();
  await clock.advance(5 * HOUR + MINUTE);
  t.equal(asked, 6, 'once an hour');
  t.match(renewal.status(), [{ state: 'live', lastProblem: null }]);
});

t.test('what another process stored is served and planned by', async (t) => {
  const { clock, renewal, asked, stored, certificate, states } = renewalOf(t, {
    names: [a],
    issue: unreachableName,
  });
  renewal.start();
  await clock.advance(30 * MINUTE);
  const before = asked.length;
  t.match(renewal.status(), [{ state: 'failing' }]);
  stored.set(a, { ...certificate(a), source: 'import', issuer: 'import', serial: 'ff' });
  states.delete(a);
  renewal.reread(a);
  renewal.reread('unknown.example.com');
  await clock.advance(20);
  t.match(renewal.status(), [
    { state: 'live', serial: 'ff', source: 'import', nextAttempt: null, lastProblem: null },
  ]);
  await clock.advance(400 * MINUTE);
  t.equal(asked.length, before);
});

t.test('a change during an attempt is read after it', async (t) => {
  const waiting: (() => Promise<void>)[] = [];
  const issue = (name: string): Promise<Issued> =>
    new Promise((resolve) => {
      waiting.push(async () => {
        const issued = await succeed(name);
        stored.set(a, { ...certificate(a), source: 'import', serial: 'ff' });
        resolve(issued);
      });
    });
  const { clock, renewal, stored, certificate, succeed } = renewalOf(t, { names: [a], issue });
  renewal.start();
  await clock.advance(0);
  renewal.reread(a);
  await waiting.shift()?.();
  await clock.advance(20);
  t.match(renewal.status(), [{ serial: 'ff' }]);
});

t.test(
  'an order that cannot succeed is not placed on first issue, and only doubted on renewal',
  async (t) => {
    let problem: LinkgateError | undefined = new LinkgateError(
      'ERR_CERT_NAME_UNREADY',
      '"a.example.com" has no address',
    );
    const { clock, renewal, asked, of } = renewalOf(t, { names: [a], preflight: async () => problem });
    const startMs = clock.now();
    renewal.start();
    await clock.advance(60 * MINUTE);
    t.same(asked, []);
    t.equal(of('certificate.failed').length, 21, 'checked every three minutes, without growing pauses');
    t.match(renewal.status(), [
      {
        state: 'failing',
        lastProblem: { type: 'ERR_CERT_NAME_UNREADY', detail: '"a.example.com" has no address' },
      },
    ]);
    problem = undefined;
    await clock.advance(3 * MINUTE);
    t.equal(asked.length, 1);
    problem = new LinkgateError('ERR_CERT_NAME_UNREADY', 'gone again');
    clock.jump(startMs + 70 * DAY);
    await clock.advance(2 * MINUTE);
    t.equal(asked.length, 2, 'the CA has the last word');
    t.match(of('certificate.doubted'), [{ domain: a, detail: 'gone again' }]);
  },
);

t.test('names that fail, and first issues, leave room for renewals', async (t) => {
  const stuck = Array.from({ length: 20 }, (_, index) => `stuck${index}.example.com`);
  const fresh = Array.from({ length: 20 }, (_, index) => `fresh${index}.example.com`);
  const states = new Map<string, IssuanceState>();
  const issue = (): Promise<Issued> => new Promise(() => undefined);
  const { clock, renewal, asked, stored, certificate } = renewalOf(t, {
    names: [...stuck, ...fresh, a],
    issue,
    states,
  });
  for (const name of stuck) {
    states.set(name, { failures: 3, nextAttemptMs: 1, lastIssuedMs: 0, lastProblem: null });
    stored.set(name, certificate(name, 90 * DAY, 80 * DAY));
  }
  stored.set(a, certificate(a, 90 * DAY, 20 * DAY));
  renewal.start();
  await clock.advance(MINUTE);
  t.equal(asked.filter((name) => name.startsWith('stuck')).length, 4);
  t.equal(asked.length, 8);
  clock.jump(clock.now() + 45 * DAY);
  await clock.advance(MINUTE);
  t.equal(asked.length, 8, 'all places are taken by orders that have their own time limit');
  const stopping = renewal.stop();
  await clock.advance(10_000);
  await stopping;
});
