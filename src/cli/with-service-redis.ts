import type { Redis } from 'ioredis';
import type { Clock } from '../shared/clock.ts';
import { readSettings } from '../shared/config.ts';
import { createKeys, type Keys } from '../shared/keys.ts';
import { type ConfirmReplicated, createConfirmReplicated } from '../shared/replication.ts';
import { UsageError } from './command.ts';
import { findDevelopmentService } from './development-service.ts';
import type { Env } from './env.ts';
import { withRedis } from './with-redis.ts';

/** What a command has at hand; a change counts once `confirmReplicated` has resolved. */
interface Parts {
  redis: Redis;
  keys: Keys;
  clock: Clock;
  confirmReplicated: ConfirmReplicated;
}

/** Does something in the Redis of the service that runs here, or in the one that `REDIS_URL` names. */
export async function withServiceRedis<T>(env: Env, work: (parts: Parts) => Promise<T>): Promise<T> {
  const running = await findDevelopmentService(env);
  const { REDIS_URL, REDIS_WAIT_REPLICAS = 0 } = readSettings(running?.env ?? env, 'api').settings;
  if (REDIS_URL === undefined) {
    throw new UsageError('REDIS_URL is not set, or is no Redis URL: it tells where the service keeps its data.');
  }
  return withRedis(REDIS_URL, (redis, clock) =>
    work({ redis, keys: createKeys(), clock, confirmReplicated: createConfirmReplicated(redis, REDIS_WAIT_REPLICAS) }),
  );
}
