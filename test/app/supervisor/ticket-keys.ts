import t from 'tap';
import { TicketKeys } from '../../../src/app/supervisor/ticket-keys.ts';

t.test('48 random bytes, others after a day, none after the end', async (t) => {
  const stop = new AbortController();
  const slept: number[] = [];
  const seen: string[] = [];
  const keys: TicketKeys = new TicketKeys({
    clock: {
      now: () => 0,
      sleep: (ms) => {
        slept.push(ms);
        if (slept.length === 3) stop.abort();
        return Promise.resolve();
      },
    },
    onChanged: () => seen.push(keys.current.toString('hex')),
  });
  const first = keys.current;
  t.equal(first.length, 48);
  t.not(
    first.toString('hex'),
    new TicketKeys({
      clock: { now: () => 0, sleep: () => Promise.resolve() },
      onChanged: () => undefined,
    }).current.toString('hex'),
  );
  await keys.start(stop.signal);
  t.strictSame(slept, [86_400_000, 86_400_000, 86_400_000]);
  t.equal(new Set([first.toString('hex'), ...seen]).size, 3);
});
