import { describe, expect, it } from 'vitest';
import { BOUNDS_MS, bucketOf, percentile } from '../../src/shared/histogram.ts';

const counted = (...spans: number[]) => {
  const buckets = new Map<number, number>();
  for (const ms of spans) buckets.set(bucketOf(ms), (buckets.get(bucketOf(ms)) ?? 0) + 1);
  return buckets;
};

describe('a histogram of fixed buckets', () => {
  it('puts a span into the first bucket whose bound it does not exceed', () => {
    expect(bucketOf(-5)).toBe(0);
    expect(bucketOf(0)).toBe(0);
    expect(bucketOf(50)).toBe(0);
    expect(bucketOf(51)).toBe(1);
    expect(bucketOf(10_000_000)).toBe(BOUNDS_MS.length);
  });

  it('knows percentiles to within a bucket', () => {
    const buckets = counted(...Array.from({ length: 95 }, () => 700), ...Array.from({ length: 5 }, () => 25_000));

    expect(percentile(buckets, 0.5)).toBeGreaterThan(500);
    expect(percentile(buckets, 0.5)).toBeLessThanOrEqual(750);
    expect(percentile(buckets, 0.95)).toBe(750);
    expect(percentile(buckets, 0.96)).toBeGreaterThan(20_000);
    expect(percentile(buckets, 0.96)).toBeLessThanOrEqual(30_000);
  });

  it('says nothing about nothing, and no more than it knows about what is longer than every bound', () => {
    expect(percentile(new Map(), 0.5)).toBeNull();
    expect(percentile(counted(10_000_000), 0.5)).toBe(BOUNDS_MS.at(-1));
  });
});
