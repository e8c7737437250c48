import { describe, expect, it } from 'vitest';
import { createHeldBack } from '../../src/worker/held-back.ts';

/** Attempts that begin at these moments after having waited so long, on a worker that started at 0. */
function begin(ratePerSecond: number, ...attempts: [atMs: number, waitedMs: number][]) {
  let now = 0;
  const heldBack = createHeldBack(ratePerSecond, () => now);
  return attempts.map(([atMs, waitedMs]) => {
    now = atMs;
    return heldBack.begin(waitedMs);
  });
}

describe('an attempt that waited', () => {
  it('waited for the rate when another one has just begun', () => {
    expect(begin(4, [10_000, 0], [11_000, 1_000])).toEqual([undefined, 4]);
  });

  it('waited for something else when nothing moved', () => {
    expect(begin(4, [10_000, 0], [30_000, 20_000])).toEqual([undefined, undefined]);
  });

  it('waited for a worker when this one was not there yet', () => {
    expect(begin(4, [100, 20_000], [200, 20_000])).toEqual([undefined, undefined]);
  });

  it('never waited for a rate that is unlimited', () => {
    expect(begin(0, [10_000, 0], [11_000, 1_000])).toEqual([undefined, undefined]);
  });
});
