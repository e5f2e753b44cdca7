import t from 'tap';
import { createDraw, domainName, indexOfShare, seededRandom, zipfShares } from '../../bench/names.ts';

t.test('domains have names of the same length', async (t) => {
  t.equal(domainName(0), 'links.d000000.example');
  t.equal(domainName(99_999), 'links.d099999.example');
});

t.test("Zipf's shares: rank k comes 1/k as often as the first", async (t) => {
  const shares = zipfShares(4);
  const sum = 1 + 1 / 2 + 1 / 3 + 1 / 4;
  t.ok(Math.abs((shares[0] ?? 0) - 1 / sum) < 1e-12);
  t.ok(Math.abs((shares[1] ?? 0) - 1.5 / sum) < 1e-12);
  t.equal(shares[3], 1);
  t.strictSame(
    [0, 0.479, 0.481, 0.71, 0.73, 0.87, 0.89, 0.999].map((x) => indexOfShare(shares, x)),
    [0, 0, 1, 1, 2, 2, 3, 3],
  );
});

t.test('draws follow their distribution and stay within the domains', async (t) => {
  const count = 1_000;
  const drawn = (distribution: 'one' | 'uniform' | 'zipf'): number[] => {
    const draw = createDraw(distribution, count, seededRandom(7));
    return Array.from({ length: 50_000 }, draw);
  };
  t.ok(drawn('one').every((index) => index === 0));
  for (const distribution of ['uniform', 'zipf'] as const) {
    const all = drawn(distribution);
    t.ok(Math.min(...all) >= 0 && Math.max(...all) < count, distribution);
    const share = all.filter((index) => index < 10).length / all.length;
    // 1 % of uniform draws; H(10)/H(1000) = 39 % by Zipf
    const expected = distribution === 'uniform' ? 0.01 : 0.391;
    t.ok(Math.abs(share - expected) < 0.02, `${distribution}: ${share} in the first ten`);
  }
  t.strictSame(drawn('zipf'), drawn('zipf'), 'the same seed draws the same names');
});
