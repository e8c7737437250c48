import type { Redis } from 'ioredis';
import type { RandomHex } from '../shared/ids.ts';
import type { Keys } from '../shared/keys.ts';

/** Answers the key of the number hash. */
export type NumberKey = () => Promise<string>;

interface Deps {
  redis: Redis;
  keys: Keys;
  /** `NUMBER_KEY` */
  configured: string | undefined;
  random: RandomHex;
}

/** The configured key, else one that is made once and kept in Redis, so that all processes share it. */
export function createNumberKey({ redis, keys, configured, random }: Deps): NumberKey {
  let known = configured;
  return async function numberKey() {
    if (known === undefined) {
      await redis.set(keys.numberKey, random(32), 'NX');
      const kept = await redis.get(keys.numberKey);
      if (kept === null) throw new Error('the number key that was just stored is gone');
      known = kept;
    }
    return known;
  };
}
