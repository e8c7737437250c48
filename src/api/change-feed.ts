import type { Redis } from 'ioredis';

export type ChangeFeed = ReturnType<typeof createChangeFeed>;

/**
 * Tells waiting requests that a verification has changed: one Redis subscription for the whole process, however many
 * wait. While Redis is away nothing is told; once it is back all are, since they may have missed something.
 */
export function createChangeFeed({ redis, channels }: { redis: Redis; channels: readonly string[] }) {
  const waiting = new Map<string, Set<() => void>>();
  let closed = false;
  const wakeAll = () => {
    for (const wakes of waiting.values()) for (const wake of wakes) wake();
  };
  redis.on('message', (_channel, id: string) => {
    for (const wake of waiting.get(id) ?? []) wake();
  });
  redis.on('ready', () => {
    redis.subscribe(...channels).then(wakeAll, () => {}); // the connection's own handler tells; it subscribes again
  });

  return {
    /** Requests that wait at this moment. */
    size: () => [...waiting.values()].reduce((sum, wakes) => sum + wakes.size, 0),

    /** Listens for changes of a verification from now on, so that none between a read and a wait is missed. */
    listen(id: string) {
      let changed = closed;
      let wake = () => {};
      const notice = () => {
        changed = true;
        wake();
      };
      const wakes = waiting.get(id) ?? new Set();
      waiting.set(id, wakes.add(notice));
      return {
        /**
         * Resolves when it has changed since the last call, or the process has to go: true; or when the time is over: false.
         */
        async next(ms: number): Promise<boolean> {
          if (!changed) {
            let timer: NodeJS.Timeout | undefined;
            await new Promise<void>((resolve) => {
              wake = resolve;
              timer = setTimeout(resolve, ms);
            });
            clearTimeout(timer);
          }
          const told = changed;
          changed = closed;
          return told;
        },
        /** Wakes the one that waits: its client has gone. */
        stop: notice,
        close(): void {
          wakes.delete(notice);
          if (wakes.size === 0) waiting.delete(id);
        },
      };
    },

    /** Lets every waiting request answer with what it knows. */
    close(): void {
      closed = true;
      wakeAll();
    },
    isClosed: () => closed,
  };
}
