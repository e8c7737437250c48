import type { Redis } from 'ioredis';
import { describeNetworkError } from '../shared/network-errors.ts';
import { connectOnce } from '../shared/redis.ts';
import { createRedisClock, type RedisClock } from '../shared/redis-clock.ts';

const TIMEOUT_MS = 3_000;

/** Redis was not reached, or refuses us. The message says why in a few words, without address or password. */
export class RedisUnusableError extends Error {
  override readonly name = 'RedisUnusableError';
}

/**
 * Does something with a Redis and its time, and leaves it.
 *
 * @throws {RedisUnusableError} when it is not reached, or refuses us.
 */
export async function withRedis<T>(url: string, work: (redis: Redis, clock: RedisClock) => Promise<T>): Promise<T> {
  const redis = connectOnce(url, TIMEOUT_MS);
  let cause: unknown;
  redis.on('error', (error) => {
    cause = error; // the rejection of a command says only that the connection is closed
  });
  const clock = createRedisClock({ redis });
  try {
    await clock.sync();
    return await work(redis, clock);
  } catch (error) {
    const refusal = refusalOf(cause) ?? refusalOf(error);
    if (cause === undefined && refusal === undefined) throw error;
    throw new RedisUnusableError(refusal ?? describeNetworkError(cause, 'no connection'));
  } finally {
    clock.stop();
    redis.disconnect();
  }
}

/** What Redis says of us, and not of what was asked, begins with a word that tells it all. */
function refusalOf(error: unknown): string | undefined {
  return /^(NOAUTH|WRONGPASS|NOPERM|LOADING|MASTERDOWN)\b/.exec(error instanceof Error ? error.message : '')?.[1];
}
