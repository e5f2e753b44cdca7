import t from 'tap';
import { askTime } from '../../../src/cert/acme/ask-time.ts';
import { systemClock } from '../../../src/core/platform/clock.ts';
import { scriptedCa } from '../../helpers/scripted-ca.ts';

const { signal } = new AbortController();

t.test('the time of a CA is the Date field of its directory', async (t) => {
  const ca = await scriptedCa(t);
  const told = await askTime(ca, systemClock, signal);
  t.ok(Math.abs((told ?? 0) - Date.now()) < 60_000);
  ca.script.set('/directory', () => ({ headers: { date: 'Thu, 01 Jan 2032 00:00:00 GMT' }, body: {} }));
  t.equal(await askTime(ca, systemClock, signal), Date.UTC(2032, 0, 1));
  ca.script.set('/directory', () => ({ headers: { date: 'soon' }, body: {} }));
  t.equal(await askTime(ca, systemClock, signal), undefined);
  await t.rejects(askTime({ directory: ca.directory }, systemClock, signal), {
    code: 'ERR_ACME_UNREACHABLE',
  });
});
