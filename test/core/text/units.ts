import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { durationMs, formatDuration, formatSize, sizeBytes } from '../../../src/core/text/units.ts';
import { holds } from '../../helpers/property.ts';

t.test('durations as people write them', async (t) => {
  for (const [text, ms] of [
    ['0s', 0],
    ['250ms', 250],
    ['5s', 5_000],
    ['2m', 120_000],
    ['12h', 43_200_000],
    ['30d', 2_592_000_000],
  ] as const)
    t.equal(durationMs(text), ms, text);
});

t.test('sizes as people write them', async (t) => {
  for (const [text, bytes] of [
    ['512B', 512],
    ['64KiB', 65_536],
    ['1MiB', 1_048_576],
    ['2GiB', 2_147_483_648],
  ] as const)
    t.equal(sizeBytes(text), bytes, text);
});

t.test('anything else is undefined, never a guess', async (t) => {
  for (const text of [
    '',
    '5',
    's',
    '5 s',
    ' 5s',
    '5s ',
    '-5s',
    '+5s',
    '1.5h',
    '1e3s',
    '5S',
    '5sec',
    '٥s',
    '5s\n',
    '5constructor',
    '5toString',
    '999999999999d',
  ])
    t.equal(durationMs(text), undefined, JSON.stringify(text));
  for (const text of ['64KB', '64kib', '64K', '1 MiB', '0x10B', '5s'])
    t.equal(sizeBytes(text), undefined, text);
  t.equal(durationMs('64KiB'), undefined, 'a size is no duration');
});

t.test('the shortest exact spelling', async (t) => {
  for (const [ms, text] of [
    [0, '0ms'],
    [999, '999ms'],
    [60_000, '1m'],
    [90_000, '90s'],
    [86_400_000, '1d'],
    [90_061_001, '90061001ms'],
  ] as const)
    t.equal(formatDuration(ms), text);
  for (const [bytes, text] of [
    [0, '0B'],
    [1023, '1023B'],
    [65_536, '64KiB'],
    [1_048_577, '1048577B'],
    [3 * 1024 ** 3, '3GiB'],
  ] as const)
    t.equal(formatSize(bytes), text);
});

t.test('what is formatted is read back as the same number', async (t) => {
  const number = fc.oneof(
    fc.integer({ min: 0, max: 999_999_999_999 }),
    fc.tuple(fc.nat(10_000), fc.constantFrom(1_000, 1024, 60_000, 86_400_000)).map(([n, unit]) => n * unit),
  );
  await holds(
    t,
    fc.property(number, (value) => {
      assert.equal(durationMs(formatDuration(value)), value);
      assert.equal(sizeBytes(formatSize(value)), value);
    }),
  );
});

t.test('any text gives a whole safe number or undefined', async (t) => {
  const text = fc.oneof(
    fc.string(),
    fc.tuple(fc.nat().map(String), fc.constantFrom('ms', 'd', 'x', '')).map((parts) => parts.join('')),
    fc.stringMatching(/^\d{1,14}[smhdBKiMG]{1,3}$/),
  );
  await holds(
    t,
    fc.property(text, (input) => {
      for (const value of [durationMs(input), sizeBytes(input)])
        assert.ok(value === undefined || (Number.isSafeInteger(value) && value >= 0));
    }),
  );
});
