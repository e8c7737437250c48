import { Redis } from 'ioredis';
import type { Logger } from 'pino';

/**
 * A connection for a process that must answer its own clients: while Redis is away every command fails at once, and
 * one that gets no answer fails after `commandTimeoutMs`, so that a request is refused instead of hanging.
 */
export function connectForRequests(url: string, log: Logger, commandTimeoutMs: number): Redis {
  return withLog(
    new Redis(url, {
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      commandTimeout: commandTimeoutMs,
      connectTimeout: 2_000,
      retryStrategy: (attempt) => Math.min(attempt * 100, 1_000),
    }),
    log,
  );
}

/**
 * A connection for background work: commands wait while Redis is away and go on by themselves once it is back.
 * BullMQ's own delays between reconnects grow to 20 s; these stay under 2 s.
 */
export function connectForWork(url: string, log: Logger): Redis {
  return withLog(
    new Redis(url, { maxRetriesPerRequest: null, retryStrategy: (attempt) => Math.min(attempt * 200, 2_000) }),
    log,
  );
}

function withLog(redis: Redis, log: Logger): Redis {
  let down = false;
  redis.on('error', (error: NodeJS.ErrnoException) => {
    if (!down) log.warn({ code: error.code, reason: error.message }, 'redis is not reachable');
    down = true;
  });
  redis.on('ready', () => {
    if (down) log.info('redis is back');
    down = false;
  });
  return redis;
}

/** Closes a connection without waiting for a Redis that may be gone. */
export function disconnect(redis: Redis): void {
  redis.disconnect();
}
