// Which orders count as early ones (plan.ts): those that only the CA's window asked for.

import t from 'tap';
import { createIssue, type Issue } from '../../../src/cert/renewal/issue.ts';
import { createLocalIssuer } from '../../../src/cert/local-ca/local-ca.ts';
import { NOTHING_YET } from '../../../src/cert/state/issuance-state.ts';
import { createNameStates } from '../../../src/cert/state/name-state.ts';
import { createCertificateStore } from '../../../src/cert/state/store.ts';
import { createMemoryStorage } from '../../../src/storage/memory.ts';
import { fakeClock } from '../../helpers/fake-clock.ts';

const forever = new AbortController().signal;
const name = 'links.example.com';
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

t.test(
  'an order is early when only the window asks for it: not the first, a regular or a forced one',
  async (t) => {
    const clock = fakeClock();
    const storage = createMemoryStorage();
    const store = createCertificateStore({ storage });
    const states = createNameStates({ storage, store, clock });
    const local = createLocalIssuer({ storage: createMemoryStorage(), keyType: 'ecdsa-p256', clock });
    const issue: Issue = createIssue({ storage, store, issuers: [local], clock, emit: () => undefined });
    const startMs = clock.now();
    /** the window for what is served now is in the past */
    const wantedNow = async (): Promise<void> => {
      const fingerprint = (await store.read(name))?.fingerprint ?? '';
      const renewal = { fingerprint, windowStartMs: 1, windowEndMs: 2, askAgainMs: 1 };
      await states.update(name, {}, (state = NOTHING_YET) => ({ ...state, renewal }));
    };
    const early = async (): Promise<readonly number[]> =>
      ((await states.read(name))?.earlyIssuedMs ?? []).map((atMs) => atMs - startMs);

    t.equal((await issue(name, forever)).isNew, true);
    t.same(await early(), [], 'the first');
    await wantedNow();
    clock.jump(startMs + HOUR / 2);
    t.equal((await issue(name, forever)).isNew, false, 'within the hour');
    clock.jump(startMs + HOUR);
    t.equal((await issue(name, forever)).isNew, true);
    t.same(await early(), [HOUR]);
    t.match(await states.read(name), { lastIssuedMs: startMs + HOUR, regularIssuedMs: startMs });

    // local certificates last for seven days
    clock.jump(startMs + 5 * DAY);
    await wantedNow();
    t.equal((await issue(name, forever)).isNew, true);
    t.same(await early(), [HOUR], 'a regular one, also when the window asks');
    clock.jump(startMs + 5 * DAY + 2 * HOUR);
    await wantedNow();
    t.equal((await issue(name, forever, { force: true })).isNew, true);
    t.same(await early(), [HOUR], 'a forced one, also when the window asks');
    t.match(await states.read(name), { issuedBeforeMs: startMs + 5 * DAY });
  },
);
