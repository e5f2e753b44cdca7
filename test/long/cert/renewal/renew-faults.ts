// The renewal loop on the whole path against the test CA at its worst: whatever goes wrong at whatever step, the name says so,
// pauses, keeps what it has, and is renewed once the CA works; by no more orders than attempts.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { AcmeCa } from '../../../helpers/acme-ca.ts';
import * as faults from '../../../helpers/acme-ca/faults.ts';
import { folderAndCa, supervisorOn, name } from '../../../helpers/supervisor-on.ts';
import { tempDir } from '../../../helpers/temp-dir.ts';
import { until } from '../../../helpers/until.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

type Supervisor = Awaited<ReturnType<typeof supervisorOn>>;

/** The problem of the next attempt, a day and a minute on: no pause is longer. */
const nextProblem = async ({ later, renewal }: Supervisor, what: string) => {
  const before = renewal.status()[0]?.lastProblem?.at;
  later(DAY + MINUTE);
  return until(
    what,
    () => {
      const problem = renewal.status()[0]?.lastProblem;
      return problem === null || problem?.at === before ? undefined : problem;
    },
    30_000,
  );
};

const recovers = async ({ later, renewal, of }: Supervisor, ca: AcmeCa, what: string): Promise<void> => {
  const attempts = of('certificate.failed').length + 1;
  later(DAY + MINUTE);
  await until(`${what}: live`, () => renewal.status()[0]?.state === 'live', 60_000);
  t.equal(renewal.status()[0]?.lastProblem, null, what);
  t.ok(ca.orders().length <= attempts, `${what}: ${ca.orders().length} orders in ${attempts} attempts`);
  t.equal(ca.accounts().length, 1, what);
  t.same(of('storage.failed'), []);
};

t.test('each fault at each step, one after the other', async (t) => {
  const STEPS = ['directory', 'newNonce', 'newAccount', 'newOrder', 'authorization', 'challenge'] as const;
  const LATER_STEPS = ['order', 'finalize', 'certificate'] as const;
  const FAULTS = [
    ['503 with HTML', faults.unavailable, /ERR_ACME_UNREACHABLE/],
    ['reset', 'reset', /ERR_ACME_UNREACHABLE/],
    ['hang', 'hang', /ERR_ACME_TIMEOUT/],
    ['429 in seconds', faults.rateLimited(120), /rateLimited|ERR_ACME_RATE_LIMITED/],
    ['10 MB', faults.endless('application/json'), /ERR_ACME_UNREACHABLE/],
    ['refused', faults.problem(403, 'rejectedIdentifier'), /rejectedIdentifier|ERR_ACME_REFUSED/],
  ] as const;
  const play = async (step: (typeof STEPS | typeof LATER_STEPS)[number]): Promise<void> => {
    const { path, ca } = await folderAndCa(t, { judge: () => 'valid' });
    const supervisor = await supervisorOn(t, path, ca, { requestTimeoutMs: 2_000 });
    let isFirst = true;
    for (const [what, fault, type] of FAULTS) {
      // the answer to a HEAD has no body, however long
      if (step === 'newNonce' && what === '10 MB') continue;
      ca.faults.set(step, () => fault);
      if (isFirst) supervisor.start();
      isFirst = false;
      t.match(
        await nextProblem(supervisor, `${what} at ${step}`),
        { type, issuer: 'test-ca' },
        `${what} at ${step}`,
      );
    }
    ca.faults.clear();
    await recovers(supervisor, ca, `after all of it at ${step}`);
    await supervisor.renewal.stop();
  };
  await Promise.all(STEPS.map(play));
  await Promise.all(LATER_STEPS.map(play));
});

t.test('what a CA may say that is no fault of the wire', async (t) => {
  const state = { isBroken: true };
  const subproblems = [
    { type: 'urn:ietf:params:acme:error:caa', detail: 'forbidden', identifier: { type: 'dns', value: name } },
  ];
  const invalid = faults.problem(403, 'unauthorized', { subproblems }).body;
  const stranger = await folderAndCa(t, { judge: () => 'valid' });
  const strange = await supervisorOn(t, stranger.path, stranger.ca);
  strange.start();
  await until('the chain of another key', () => strange.renewal.status()[0]?.state === 'live', 60_000);
  const other = (await strange.store.read(name))?.chainPem ?? '';
  const cases = [
    [
      'an order invalid with subproblems',
      { judge: () => (state.isBroken ? invalid : 'valid') },
      /unauthorized/,
    ],
    [
      'a chain for another key',
      { judge: () => 'valid' as const, shapeChain: (pem: string) => (state.isBroken ? other : pem) },
      /ERR_CERT_INVALID/,
    ],
  ] as const;
  for (const [what, options, type] of cases) {
    state.isBroken = true;
    const { path, ca } = await folderAndCa(t, options);
    const supervisor = await supervisorOn(t, path, ca);
    supervisor.start();
    const problem = await nextProblem(supervisor, what);
    t.match(problem, { type }, what);
    if (what.startsWith('an order')) t.match(problem.detail, `${name}: forbidden`, 'as the CA sent them');
    state.isBroken = false;
    await recovers(supervisor, ca, what);
  }

  const glued = await folderAndCa(t, {
    judge: () => 'valid',
    shapeChain: (pem) => pem.replaceAll('\n-----BEGIN', '-----BEGIN').trimEnd(),
  });
  const supervisor = await supervisorOn(t, glued.path, glued.ca);
  supervisor.start();
  await until('a chain without line ends', () => supervisor.renewal.status()[0]?.state === 'live', 60_000);
  t.match(
    (await supervisor.store.read(name))?.chainPem,
    /-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----/,
  );

  const first = supervisor.serial();
  glued.ca.forgetAccounts();
  supervisor.later(80 * DAY);
  await until('an account that is gone is registered again', () => supervisor.serial() !== first, 60_000);
  t.equal(glued.ca.accounts().length, 1);
  t.same(supervisor.of('certificate.failed'), []);
});

t.test('an account binding that is wrong, then right', async (t) => {
  const right = Buffer.alloc(32, 'r').toString('base64url');
  const hmacKeyFile = join(tempDir(t), 'eab.key');
  writeFileSync(hmacKeyFile, Buffer.alloc(32, 'w').toString('base64url'));
  const { path, ca } = await folderAndCa(t, { judge: () => 'valid', eab: { 'key-1': right } });
  const supervisor = await supervisorOn(t, path, ca, { eab: { keyId: 'key-1', hmacKeyFile } });
  supervisor.start();
  const problem = await nextProblem(supervisor, 'a wrong binding');
  t.match(problem, { type: /unauthorized/, detail: /external account binding is wrong/ });
  t.equal(ca.orders().length, 0);
  writeFileSync(hmacKeyFile, right);
  await recovers(supervisor, ca, 'the right binding');
});

t.test('whatever a CA answers, the name says so, waits, and is live once the CA works', async (t) => {
  const day = 24 * HOUR;
  const cases = [
    ['429 in seconds', faults.rateLimited(1_800), /rateLimited/, 1_800_000],
    ['429 as a date', faults.rateLimited(new Date(Date.now() + 2 * HOUR)), /rateLimited/, 2 * HOUR - MINUTE],
    ['429 of a year', faults.rateLimited(365 * 86_400), /rateLimited/, day - MINUTE],
    ['503 with HTML', faults.unavailable, /ERR_ACME_UNREACHABLE/, 0],
    ['reset', 'reset', /ERR_ACME_UNREACHABLE/, 0],
    ['a storm of badNonce', faults.badNonce, /ERR_ACME_UNREACHABLE/, 0],
    ['10 MB', faults.endless('application/json'), /ERR_ACME_UNREACHABLE/, 0],
    ['a refusal', faults.problem(403, 'rejectedIdentifier'), /rejectedIdentifier/, 0],
    ['no account', faults.problem(400, 'accountDoesNotExist'), /accountDoesNotExist/, 0],
  ] as const;
  const play = async ([what, fault, type, waitMs]: (typeof cases)[number]): Promise<void> => {
    const { path, ca } = await folderAndCa(t, { judge: () => 'valid' });
    ca.faults.set('newOrder', () => fault);
    const { renewal, start, later, of } = await supervisorOn(t, path, ca);
    start();
    const problem = await until(what, () => renewal.status()[0]?.lastProblem ?? undefined, 60_000);
    t.match(problem, { type, issuer: 'test-ca' }, what);
    const pausedMs = Date.parse(renewal.status()[0]?.nextAttempt ?? '') - Date.now();
    t.ok(pausedMs > Math.max(waitMs - MINUTE, 20_000) && pausedMs <= day, `${what}: ${pausedMs} ms`);
    ca.faults.clear();
    later(day + MINUTE);
    await until(`${what}: live`, () => renewal.status()[0]?.state === 'live', 60_000);
    t.equal(ca.orders().length, 1, `${what}: one order`);
    t.equal(of('storage.failed').length, 0);
  };
  for (const one of cases) await play(one);
});
