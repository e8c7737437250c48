/** Deliveries that one target may have under way in one worker: a slow or dead one cannot take the places of the others. */
const SLOTS_PER_TARGET = 10;
/** How long a callback sleeps before it asks for a place again, in milliseconds. */
const LEAST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 2_000;
/** What a delivery is taken to last while none has ended yet, in milliseconds. */
const UNKNOWN_MS = 100;
/** How much the latest delivery changes what is taken for usual. */
const WEIGHT = 0.2;

interface Target {
  underWay: number;
  /** How long a delivery lasts, about. */
  usualMs: number;
  /** Behind the turns of those who were sent to sleep. */
  nextTurnAt: number;
}

/** A place for a delivery, or how long to sleep before asking again. */
export type Slot = { giveBack: () => void } | { waitMs: number };

/**
 * Counts the deliveries under way to each target. Who finds no place is given a turn at the pace at which the target takes
 * deliveries: behind a quick one it is back in a moment, behind a slow one it does not ask over and over.
 */
export function createTargetSlots(monotonicNow: () => number) {
  const targets = new Map<string, Target>();

  function take(name: string): Slot {
    const now = monotonicNow();
    const target = targets.get(name) ?? { underWay: 0, usualMs: UNKNOWN_MS, nextTurnAt: now };
    if (target.underWay >= SLOTS_PER_TARGET) {
      const turnAt = Math.max(now, target.nextTurnAt) + target.usualMs / SLOTS_PER_TARGET;
      target.nextTurnAt = Math.min(turnAt, now + LONGEST_WAIT_MS);
      return { waitMs: Math.max(LEAST_WAIT_MS, target.nextTurnAt - now) };
    }
    target.underWay += 1;
    targets.set(name, target);
    return {
      giveBack() {
        const endedAt = monotonicNow();
        target.usualMs += WEIGHT * (endedAt - now - target.usualMs);
        target.underWay -= 1;
        if (target.underWay === 0) targets.delete(name);
      },
    };
  }

  return { take };
}
export type TargetSlots = ReturnType<typeof createTargetSlots>;
