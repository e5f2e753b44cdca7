import t from 'tap';
import { Agenda } from '../../../../src/cert/renewal/queue/agenda.ts';
import { createEntry, type Entry } from '../../../../src/cert/renewal/queue/entry.ts';

const HOUR = 3_600_000;

const setUp = (...names: readonly string[]) => {
  const time = { nowMs: 10 * HOUR };
  const entries = names.map((name) => ({ ...createEntry(name), isKnown: true }));
  const due = new Map<Entry, number>();
  const ask = new Map<Entry, number>();
  const agenda = new Agenda({
    now: () => time.nowMs,
    entries: () => entries,
    isIdle: ({ isKnown, isRunning }) => isKnown && !isRunning,
    dueAtMs: (entry) => due.get(entry) ?? Infinity,
    askAtMs: (entry) => ask.get(entry) ?? Infinity,
  });
  const [a, b] = entries as [Entry, Entry];
  return { time, agenda, due, ask, a, b };
};

t.test('an entry comes up at its time, for an order and for a question', async (t) => {
  const { time, agenda, due, ask, a, b } = setUp('a', 'b');
  due.set(a, 11 * HOUR);
  ask.set(b, 12 * HOUR);
  for (const entry of [a, b]) agenda.plan(entry);
  t.equal(agenda.nextMs(), 11 * HOUR);
  agenda.comeUp();
  t.same([agenda.due.size, agenda.toAsk.size], [0, 0]);
  time.nowMs = 11 * HOUR;
  agenda.comeUp();
  t.same([[...agenda.due], agenda.toAsk.size], [[a], 0]);
  t.equal(agenda.nextMs(), 12 * HOUR);
  time.nowMs = 12 * HOUR;
  agenda.comeUp();
  t.same([...agenda.toAsk], [b]);
  agenda.remove(a);
  agenda.remove(b);
  t.same([agenda.due.size, agenda.toAsk.size], [0, 0]);
});

t.test('an entry that is not idle, or that is put off, does not come up', async (t) => {
  const { time, agenda, due, a, b } = setUp('a', 'b');
  for (const entry of [a, b]) {
    due.set(entry, 11 * HOUR);
    agenda.plan(entry);
  }
  a.isRunning = true;
  time.nowMs = 11 * HOUR;
  agenda.comeUp();
  t.same([...agenda.due], [b]);
  due.set(b, 11 * HOUR + 1);
  agenda.comeUp();
  t.equal(agenda.due.size, 0, 'back in the queue');
  t.equal(agenda.nextMs(), 11 * HOUR + 1);
  a.isRunning = false;
  agenda.plan(a);
  time.nowMs += 1;
  agenda.comeUp();
  t.same([...agenda.due], [a, b]);
});

t.test('all times are computed again when the clock goes back, and after an hour', async (t) => {
  const { time, agenda, due, a } = setUp('a', 'b');
  agenda.comeUp();
  due.set(a, 1 * HOUR);
  agenda.comeUp();
  t.equal(agenda.due.size, 0, 'nobody has planned it');
  time.nowMs -= 1;
  agenda.comeUp();
  t.same([...agenda.due], [a]);
  agenda.remove(a);
  time.nowMs += HOUR + 2;
  agenda.comeUp();
  t.same([...agenda.due], [a]);
});
