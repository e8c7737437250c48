import type { Redis } from 'ioredis';
import type { Clock } from './clock.ts';
import type { Keys } from './keys.ts';

/** How long a network counts as its owner's after a number was approved from it: people come back about monthly. */
const FAMILIAR_MS = 30 * 24 * 60 * 60_000;

export type FamiliarClients = ReturnType<typeof createFamiliarClients>;

interface Deps {
  redis: Redis;
  keys: Keys;
  clock: Clock;
}

/** Remembers the networks from which a number was approved: a stranger does not get there, whatever they submit. */
export function createFamiliarClients({ redis, keys, clock }: Deps) {
  const longAgo = () => Math.floor(clock.now()) - FAMILIAR_MS;
  return {
    async has(numberHash: string, client: string | null): Promise<boolean> {
      if (client === null) return false;
      const approvedAt = await redis.zscore(keys.familiar(numberHash), client);
      return approvedAt !== null && Number(approvedAt) > longAgo();
    },

    async add(numberHash: string, client: string): Promise<void> {
      const key = keys.familiar(numberHash);
      await redis
        .multi()
        .zremrangebyscore(key, '-inf', longAgo())
        .zadd(key, Math.floor(clock.now()), client)
        .pexpire(key, FAMILIAR_MS)
        .exec();
    },
  };
}
