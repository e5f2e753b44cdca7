import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { median, quantile, ratio, spread } from '../../bench/statistics.ts';
import { holds } from '../helpers/property.ts';

t.test('the median is the one in the middle, or the mean of two', async (t) => {
  t.equal(median([3, 1, 2]), 2);
  t.equal(median([10, 9, 1, 2]), 5.5);
  t.equal(median([7]), 7);
  t.ok(Number.isNaN(median([])));
});

t.test('quantiles by nearest rank', async (t) => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  t.equal(quantile(hundred, 0.5), 50);
  t.equal(quantile(hundred, 0.99), 99);
  t.equal(quantile(hundred, 0.999), 100);
  t.equal(quantile(hundred, 0), 1);
  t.ok(Number.isNaN(quantile([], 0.5)));
  const values = fc.array(fc.nat(), { minLength: 1 }).map((list) => list.toSorted((a, b) => a - b));
  await holds(
    t,
    fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (list, q) => {
      const value = quantile(list, q);
      assert.ok(list.filter((one) => one <= value).length >= list.length * q - 1e-9);
    }),
  );
});

t.test('a spread has its ends', async (t) => {
  t.strictSame(spread([3, 1, 2]), { median: 2, min: 1, max: 3 });
});

t.test('ratios are taken round by round, without rounds that one lacks', async (t) => {
  // the machine was half as fast in the second round: the ratio does not see it
  t.strictSame(ratio([2, 4, 3], [1, 2, 1.5]), { median: 2, min: 2, max: 2 });
  t.strictSame(ratio([2, undefined, 3], [1, 1, undefined]), { median: 2, min: 2, max: 2 });
  t.equal(ratio([undefined], [1]), undefined);
  t.equal(ratio([1], [0]), undefined);
});
