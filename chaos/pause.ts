import { setTimeout as sleep } from 'node:timers/promises';

/** Waits, until the run is given up. @throws the signal's reason */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/**
 * Asks again and again until something is so.
 *
 * @returns false when it was not within the time.
 */
export async function until(
  isSo: () => Promise<boolean> | boolean,
  { withinMs, everyMs, signal }: { withinMs: number; everyMs: number; signal: AbortSignal },
): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (!(await isSo())) {
    if (Date.now() >= deadline) return false;
    await pause(everyMs, signal);
  }
  return true;
}
