/**
 * Upper bounds of the buckets that spans of time are counted in, ms; the last bucket has none. Fixed, so that the counts of
 * any hours and processes add up.
 */
export const BOUNDS_MS = [
  50, 100, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 45_000, 60_000,
  90_000, 120_000, 180_000, 300_000, 600_000, 1_200_000, 3_600_000,
] as const;

/** Counts by the index of the bucket; the one after the last bound holds what is longer than any. */
export type Buckets = ReadonlyMap<number, number>;

/** The bucket of a span of time. */
export function bucketOf(ms: number): number {
  const index = BOUNDS_MS.findIndex((bound) => ms <= bound);
  return index === -1 ? BOUNDS_MS.length : index;
}

/**
 * The span that this share of the counted ones did not exceed, to within its bucket, in whole ms; null when nothing was
 * counted. Beyond the last bound it is that bound.
 *
 * @param share - from 0 up to 1, such as 0.95.
 */
export function percentile(buckets: Buckets, share: number): number | null {
  const total = [...buckets.values()].reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let rest = share * total;
  for (const [i, bound] of BOUNDS_MS.entries()) {
    const count = buckets.get(i) ?? 0;
    const from = BOUNDS_MS[i - 1] ?? 0;
    if (count > 0 && rest <= count) return Math.round(from + ((bound - from) * rest) / count);
    rest -= count;
  }
  return BOUNDS_MS[BOUNDS_MS.length - 1] ?? null;
}
