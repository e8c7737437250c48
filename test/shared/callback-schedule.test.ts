import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callbackDelayMs, DEFAULT_CALLBACK_SCHEDULE } from '../../src/shared/callback-schedule.ts';
import { Duration } from '../../src/shared/duration.ts';

describe('the schedule of callbacks', () => {
  it('is 5s, 30s, 2m, 10m, 30m, 2h, 5h, 10h, 10h by default', () => {
    const documented = '5s,30s,2m,10m,30m,2h,5h,10h,10h'.split(',').map((text) => Duration.parse(text));

    expect(DEFAULT_CALLBACK_SCHEDULE).toEqual(documented);
  });

  it('starts at once, waits one entry after each delivery, and ends', () => {
    const delays = [0, 1, 2, 3].map((made) => callbackDelayMs([5_000, 30_000], made, 0.5));

    expect(delays).toEqual([0, 5_000, 30_000, undefined]);
  });

  it('spreads a delay by 15 % to either side', () => {
    expect(callbackDelayMs([10_000], 1, 0)).toBe(8_500);
    expect(callbackDelayMs([10_000], 1, 1)).toBe(11_500);
  });

  it('gives whole milliseconds for every entry, whatever the jitter', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.nat(36_000_000), { minLength: 1 }), random, (schedule, jitter) => {
        for (const [index, base] of schedule.entries()) {
          const delayMs = callbackDelayMs(schedule, index + 1, jitter);

          expect(Number.isInteger(delayMs)).toBe(true);
          expect(Math.abs((delayMs ?? Number.NaN) - base)).toBeLessThanOrEqual(base * 0.15 + 0.5);
        }
      }),
    );
  });
});
