import type { Redis } from 'ioredis';
import type { Keys } from './keys.ts';

/** How long a network counts as its owner's after a number was approved from it: people come back about monthly. */
const FAMILIAR_MS = 30 * 24 * 60 * 60_000;

export type FamiliarClients = ReturnType<typeof createFamiliarClients>;

/** Remembers the networks from which a number was approved: a stranger does not get there, whatever they submit. */
export function createFamiliarClients({ redis, keys }: { redis: Redis; keys: Keys }) {
  return {
    async has(numberHash: string, client: string | null): Promise<boolean> {
      return client !== null && (await redis.exists(keys.familiar(numberHash, client))) === 1;
    },

    async add(numberHash: string, client: string): Promise<void> {
      await redis.set(keys.familiar(numberHash, client), '', 'PX', FAMILIAR_MS);
    },
  };
}
