import { setTimeout as pause } from 'node:timers/promises';

/** Keeps so many calls under way until the time is over. @returns calls that ended, per second. */
export async function saturate(concurrency: number, forMs: number, call: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  let ended = 0;
  const lane = async () => {
    while (performance.now() - startedAt < forMs) {
      await call();
      ended += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return (ended * 1000) / (performance.now() - startedAt);
}

/** Makes every call of a list, so many at a time. */
export async function all<T>(
  items: Iterable<T>,
  concurrency: number,
  call: (item: T) => Promise<unknown>,
): Promise<void> {
  const left = items[Symbol.iterator]();
  const lane = async () => {
    for (let next = left.next(); !next.done; next = left.next()) await call(next.value);
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}

/** Begins a call for each item at a steady rate, however long the calls take. */
export async function atRate<T>(
  items: readonly T[],
  perSecond: number,
  call: (item: T) => Promise<unknown>,
): Promise<void> {
  const startedAt = performance.now();
  const calls: Promise<unknown>[] = [];
  for (const [i, item] of items.entries()) {
    const waitMs = startedAt + (i * 1000) / perSecond - performance.now();
    if (waitMs > 1) await pause(waitMs);
    calls.push(call(item));
  }
  await Promise.all(calls);
}
