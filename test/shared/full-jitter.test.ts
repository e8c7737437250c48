import { describe, expect, it } from 'vitest';
import { fullJitterMs } from '../../src/shared/full-jitter.ts';

const bound = (tryNumber: number) => fullJitterMs(tryNumber, { baseMs: 500, maxMs: 15_000, random: 1 });

describe('full jitter', () => {
  it('doubles its bound with each try, up to the limit', () => {
    expect([1, 2, 3, 4, 5, 6, 7].map(bound)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  });

  it('waits anything from nothing up to the bound', () => {
    const wait = (random: number) => fullJitterMs(3, { baseMs: 500, maxMs: 15_000, random });
    expect([0, 0.25, 0.5].map(wait)).toEqual([0, 500, 1_000]);
  });

  it('is in whole milliseconds', () => {
    expect(fullJitterMs(1, { baseMs: 5, maxMs: 20, random: 0.5 })).toBe(2);
  });

  it('holds for any number of tries', () => {
    expect(bound(0)).toBe(500);
    expect(bound(100_000)).toBe(15_000);
    expect(fullJitterMs(100_000, { baseMs: 0, maxMs: 15_000, random: 1 })).toBe(0);
  });
});
