/** Deliveries that one target may have under way in one worker: a slow or dead one cannot take the places of the others. */
export const SLOTS_PER_TARGET = 10;

/** How long a callback waits before it asks for a place again, in milliseconds; spread, so that not all ask at once. */
export const SLOT_WAIT_MS = { min: 200, max: 1_000 } as const;

/** Counts the deliveries under way to each target. */
export function createTargetSlots(perTarget = SLOTS_PER_TARGET) {
  const taken = new Map<string, number>();
  return {
    /** Takes a place. @returns what gives it back, or undefined when all are taken. */
    take(target: string): (() => void) | undefined {
      const count = taken.get(target) ?? 0;
      if (count >= perTarget) return undefined;
      taken.set(target, count + 1);
      return () => {
        const left = (taken.get(target) ?? 1) - 1;
        if (left === 0) taken.delete(target);
        else taken.set(target, left);
      };
    },
  };
}
export type TargetSlots = ReturnType<typeof createTargetSlots>;
