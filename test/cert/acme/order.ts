import t, { type Test } from 'tap';
import { createHttpSolver } from '../../../src/cert/challenges/http-01.ts';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import {
  orderCertificate,
  type AcmeAuthorization,
  type AcmeOrder,
  type AcmeSession,
} from '../../../src/cert/acme/order.ts';
import { LinkgateError } from '../../../src/core/errors.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';

const name = 'links.example.com';
const urn = (type: string): string => `urn:ietf:params:acme:error:${type}`;
const blank: AcmeOrder = { url: 'o', status: 'pending', authorizations: ['a'], finalize: 'f' };
const open: AcmeAuthorization = {
  status: 'pending',
  name,
  challenges: [
    { type: 'dns-01', url: 'd', token: 'dns' },
    { type: 'http-01', url: 'c', token: 'tok' },
  ],
};

const next = <T>(list: T[]): T | undefined => (list.length > 1 ? list.shift() : list[0]);

/** A CA of states: each list is given out one by one, its last element for ever. */
const play = (
  t: Test,
  states: {
    order?: Partial<AcmeOrder>[];
    authorization?: Partial<AcmeAuthorization>[];
    placed?: Partial<AcmeOrder>;
  },
) => {
  const storage = createMemoryStorage();
  const clock = fakeClock();
  const steps: string[] = [];
  const stop = new AbortController();
  const orders = [...(states.order ?? [{ status: 'ready' }])];
  const authorizations = [...(states.authorization ?? [{}, { status: 'valid' }])];
  let presented: string[] = [];
  const session: AcmeSession = {
    placeOrder: async () => ({ ...blank, ...states.placed }),
    readOrder: async () => {
      steps.push('order');
      return { value: { ...blank, ...next(orders) } };
    },
    readAuthorization: async () => {
      steps.push('authorization');
      return { value: { ...open, ...next(authorizations) } };
    },
    keyAuthorization: async (token) => `${token}.thumb`,
    acceptChallenge: async (url) => {
      steps.push(`accept ${url}`);
      presented = [...(await storage.list('challenges'))];
    },
    finalize: async (order) => {
      steps.push('finalize');
      return { ...order, status: 'processing' };
    },
    downloadChain: async () => ({ chainPem: '' }),
  };
  const run = async () => {
    const ordering = orderCertificate({
      session,
      solvers: [createHttpSolver({ storage })],
      name,
      keyType: 'ecdsa-p256',
      clock,
      signal: stop.signal,
    });
    const state = { settled: false };
    const done = ordering.finally(() => (state.settled = true));
    done.catch(() => undefined);
    while (!state.settled) {
      if (clock.sleepers().length > 0) await clock.advance(1000);
      else await new Promise((resolve) => setImmediate(resolve));
    }
    t.same(await storage.list('challenges'), [], 'no answer is left behind');
    return done;
  };
  return { run, session, steps, clock, stop, presented: () => presented };
};

type Expected = ({ readonly code: string } | { readonly message: string | RegExp }) & {
  readonly details?: object;
};

const rejected = async (t: Test, running: Promise<unknown>, expected: Expected): Promise<void> =>
  t.rejects(
    running.then(() => undefined),
    expected,
  ) as unknown as Promise<void>;

t.test('the steps come in order, and the answer is there while the CA may ask', async (t) => {
  const ca = play(t, {
    authorization: [{}, { status: 'processing' }, { status: 'pending' }, { status: 'valid' }],
    order: [{ status: 'ready' }, { status: 'processing' }, { status: 'valid', certificate: 'x' }],
  });
  await rejected(t, ca.run(), { code: 'ERR_CERT_INVALID' });
  t.same(ca.presented(), ['challenges/http-01/links.example.com/tok']);
  t.same(ca.steps, [
    'authorization',
    'accept c',
    'authorization',
    'authorization',
    'authorization',
    'order',
    'finalize',
    'order',
    'order',
  ]);
});

t.test('a valid authorization is not proved again', async (t) => {
  const ca = play(t, { authorization: [{ status: 'valid' }], placed: { status: 'ready' } });
  ca.session.finalize = async () => {
    throw new LinkgateError('ERR_ACME_REFUSED', 'enough');
  };
  await rejected(t, ca.run(), { message: 'enough' });
  t.same(ca.steps, ['authorization']);
});

t.test('a failed validation has the words of the CA', async (t) => {
  const problem = { type: urn('connection'), detail: 'refused', subproblems: [] };
  const challenges = [{ type: 'http-01', url: 'c', token: 'tok', problem }];
  const ca = play(t, { authorization: [{}, { status: 'invalid', challenges }] });
  await rejected(t, ca.run(), {
    code: 'ERR_ACME_UNAUTHORIZED',
    message: 'validation of "links.example.com" failed: connection: refused',
    details: { type: urn('connection'), detail: 'refused' },
  });
});

t.test('an invalid order has its reason, with subproblems', async (t) => {
  const subproblems = [{ type: urn('caa'), detail: 'forbidden', name }];
  const problem = { type: urn('compound'), detail: 'several', subproblems };
  const ca = play(t, { order: [{ status: 'ready' }, { status: 'invalid', problem }] });
  await rejected(t, ca.run(), {
    code: 'ERR_ACME_REFUSED',
    details: { type: urn('compound'), detail: 'several', subproblems },
  });
});

t.test('a CA that breaks the protocol is an error', async (t) => {
  for (const [states, message] of [
    [{ authorization: [{ name: 'other.example.com' }] }, /authorization of "other.example.com"/],
    [{ authorization: [{ challenges: [] }] }, /offers no http-01 challenge/],
    [
      { authorization: [{ challenges: [{ type: 'http-01', url: 'c', token: '../x' }] }] },
      /token that is not base64url/,
    ],
    [{ authorization: [{}, { status: 'deactivated' }] }, /became "deactivated"/],
    [{ order: [{ status: 'valid', certificate: 'x' }] }, /became "valid"/],
    [{ order: [{ status: 'ready' }, { status: 'valid' }] }, /has no certificate/],
  ] as const) {
    const ca = play(t, states as unknown as Parameters<typeof play>[1]);
    await rejected(t, ca.run(), { code: 'ERR_ACME_REFUSED', message });
  }
});

t.test('a chain for another key or another name is refused', async (t) => {
  const issuer = createLocalIssuer({
    storage: createMemoryStorage(),
    keyType: 'ecdsa-p256',
    clock: fakeClock(),
  });
  const other = await issuer.obtain(name, new AbortController().signal);
  const ca = play(t, { order: [{ status: 'ready' }, { status: 'valid', certificate: 'x' }] });
  ca.session.downloadChain = async () => ({ chainPem: other.chainPem });
  await rejected(t, ca.run(), { code: 'ERR_CERT_INVALID', message: /does not match its private key/ });
});

t.test('it stops when it is aborted during a validation, and leaves no answer', async (t) => {
  const ca = play(t, { authorization: [{}] });
  const running = ca.run();
  while (!ca.steps.includes('accept c')) await new Promise((resolve) => setImmediate(resolve));
  ca.stop.abort(new Error('stopping'));
  await rejected(t, running, { message: 'stopping' });
});

t.test('polling is paced by the CA, within bounds', async (t) => {
  const ca = play(t, {});
  const pauses: number[] = [];
  let before = ca.clock.now();
  const answers = [undefined, 100, 4_000, 9_999_000];
  ca.session.readAuthorization = async () => {
    pauses.push(ca.clock.now() - before);
    before = ca.clock.now();
    const retryAfterMs = answers[pauses.length - 1];
    const value = pauses.length > answers.length ? { ...open, status: 'valid' } : open;
    return { value, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
  };
  ca.session.finalize = async () => {
    throw new LinkgateError('ERR_ACME_REFUSED', 'enough');
  };
  await rejected(t, ca.run(), { message: 'enough' });
  t.ok((pauses[2] ?? 0) >= 250 && (pauses[2] ?? 0) <= 1_000, 'never in a rush');
  t.equal(pauses[3], 4_000);
  t.equal(pauses[4], 30_000, 'no more than half a minute');
});
