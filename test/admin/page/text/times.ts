import t from 'tap';
import { clockTime, count, day, fromNow, span } from '../../../../src/admin/page/text/times.ts';

const NOW = Date.UTC(2026, 10, 23, 14, 3, 20);
const [MINUTE, HOUR, DAY] = [60_000, 3_600_000, 86_400_000];

t.test('spans in one unit', async (t) => {
  for (const [ms, words] of [
    [0, '0 seconds'],
    [1_000, '1 second'],
    [89_000, '89 seconds'],
    [90_000, '2 minutes'],
    [119 * MINUTE, '119 minutes'],
    [120 * MINUTE, '2 hours'],
    [-5 * HOUR, '5 hours'],
    [48 * HOUR, '2 days'],
    [61.9 * DAY, '61 days'],
    [5_000 * DAY, '5,000 days'],
  ] as const) {
    t.equal(span(ms), words);
  }
});

t.test('from now', async (t) => {
  t.equal(fromNow(NOW + 4_000, NOW), 'now');
  t.equal(fromNow(NOW + 5 * HOUR, NOW), 'in 5 hours');
  t.equal(fromNow(NOW - 12 * MINUTE, NOW), '12 minutes ago');
});

t.test('counts and dates', async (t) => {
  t.equal(count(1, 'domain'), '1 domain');
  t.equal(count(10_000, 'domain'), '10,000 domains');
  t.equal(count(0, 'process', 'processes'), '0 processes');
  t.equal(day(NOW), '2026-11-23');
  t.equal(clockTime(NOW, NOW), '14:03');
  t.equal(clockTime(NOW - DAY, NOW), '22 Nov');
});
