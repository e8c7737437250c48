import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Duration, formatDuration } from '../../src/shared/duration.ts';

describe('a duration', () => {
  it.each([
    ['0s', 0],
    ['250ms', 250],
    ['45s', 45_000],
    ['2m', 120_000],
    ['10h', 36_000_000],
    ['30d', 2_592_000_000],
  ])('%s is %i ms', (text, ms) => {
    expect(Duration.parse(text)).toBe(ms);
  });

  it.each(['', '45', 's', '1.5s', '-1s', '+1s', '1 s', ' 1s', '1S', '1w', '1s1m', '1e3ms', '999999999999999d'])(
    'refuses %j',
    (text) => {
      expect(Duration.safeParse(text).error?.issues.map((issue) => issue.message)).toEqual([
        'not a duration: write an integer and its unit (ms, s, m, h or d), such as 45s',
      ]);
    },
  );

  it.each([
    [0, '0s'],
    [1, '1ms'],
    [1_500, '1500ms'],
    [45_000, '45s'],
    [90_000, '90s'],
    [3_600_000, '1h'],
    [2_592_000_000, '30d'],
  ])('%i ms is written %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.nat(), (ms) => {
        expect(Duration.parse(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});
