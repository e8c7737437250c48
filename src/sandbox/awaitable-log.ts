/** How long a wait for something that should happen may take. */
export interface WaitOptions {
  /** In milliseconds; 10 s by default. */
  timeoutMs?: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;

interface Waiter<T> {
  matches: (item: T) => boolean;
  resolve: (item: T) => void;
}

/** The last things that happened, oldest first, and a way to await the next one. */
export function createAwaitableLog<T extends object>({ capacity }: { capacity: number }) {
  const items: T[] = [];
  let taken = new WeakSet<T>();
  const waiters = new Set<Waiter<T>>();

  return {
    items: items as readonly T[],

    add(item: T) {
      items.push(item);
      if (items.length > capacity) items.shift();
      for (const waiter of waiters) {
        if (!waiter.matches(item)) continue;
        waiters.delete(waiter);
        taken.add(item);
        waiter.resolve(item);
        return;
      }
    },

    /**
     * The oldest match that no earlier call has returned, at once or as soon as it happens.
     *
     * @throws {Error} when it has not happened in time.
     */
    next(
      what: string,
      matches: (item: T) => boolean,
      { timeoutMs = DEFAULT_TIMEOUT_MS }: WaitOptions = {},
    ): Promise<T> {
      const found = items.find((item) => !taken.has(item) && matches(item));
      if (found) {
        taken.add(found);
        return Promise.resolve(found);
      }
      return new Promise((resolve, reject) => {
        const waiter: Waiter<T> = {
          matches,
          resolve: (item) => {
            clearTimeout(timer);
            resolve(item);
          },
        };
        const timer = setTimeout(() => {
          waiters.delete(waiter);
          reject(new Error(`No ${what} within ${timeoutMs} ms; ${items.length} of any kind so far`));
        }, timeoutMs);
        waiters.add(waiter);
      });
    },

    clear() {
      items.length = 0;
      taken = new WeakSet();
    },
  };
}
