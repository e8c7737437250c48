/** Another attempt that began within this time shows that the channel moves at its rate. */
const LATELY_MS = 1_500;

export type HeldBack = ReturnType<typeof createHeldBack>;

/**
 * Tells whether an attempt that waited did so for its channel's rate limit: this worker was there all the time, and
 * another attempt of the channel has just begun. BullMQ keeps no such note, and asking Redis for it would cost every try
 * a round trip.
 *
 * @param ratePerSecond - the channel's; 0 is unlimited.
 */
export function createHeldBack(ratePerSecond: number, monotonicNow: () => number) {
  const startedAt = monotonicNow();
  let lastAt = Number.NEGATIVE_INFINITY;
  return {
    /** Notes that an attempt begins. @returns the rate that held it back, if that did. */
    begin(waitedMs: number): number | undefined {
      const now = monotonicNow();
      const held = ratePerSecond > 0 && waitedMs <= now - startedAt && now - lastAt <= LATELY_MS;
      lastAt = now;
      return held ? ratePerSecond : undefined;
    },
  };
}
