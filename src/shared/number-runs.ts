import type { Redis } from 'ioredis';
import type { EpochMs } from './clock.ts';
import type { Keys } from './keys.ts';
import { hashNumber, prefixOf } from './phone-number.ts';

/** How long a number counts as lately asked for. */
const RUN_WINDOW_MS = 10 * 60_000;
/** Neighbours in a run are at most so far apart: whoever walks through a block may skip some. */
const MAX_GAP = 10;
/** Runs are not followed farther than this to either side. */
const REACH = 5 * MAX_GAP;

export type NumberRuns = ReturnType<typeof createNumberRuns>;

/** Sees when the numbers of a block are asked for one after the other, as no real users are. */
export function createNumberRuns({
  redis,
  keys,
  numberKey,
}: {
  redis: Redis;
  keys: Keys;
  numberKey: () => Promise<string>;
}) {
  return {
    /**
     * How many numbers lie in a row with this one, itself included, of those asked for in the last 10 minutes.
     *
     * @param dryRun - the number is not remembered.
     */
    async lengthAt(number: string, now: EpochMs, { dryRun }: { dryRun: boolean }): Promise<number> {
      // a keyed hash, because with the last digits under it the prefix would tell the whole number
      const key = keys.numberRun(hashNumber(await numberKey(), prefixOf(number)));
      const own = Number(number.slice(-4));
      const around = Array.from({ length: 2 * REACH + 1 }, (_, i) => own - REACH + i);
      const since = now - RUN_WINDOW_MS;
      if (!dryRun) {
        const noted = redis.pipeline().zadd(key, now, String(own)).zremrangebyscore(key, '-inf', since);
        for (const [error] of (await noted.pexpire(key, RUN_WINDOW_MS).exec()) ?? []) if (error) throw error;
      }
      const scores = await redis.zmscore(key, ...around.map(String));
      const present = new Set(around.filter((_, i) => scores[i] !== null && Number(scores[i]) > since));
      return runLength(present, own);
    },
  };
}

/** How many numbers lie in a row with `own`, itself included. */
function runLength(present: ReadonlySet<number>, own: number): number {
  const walk = (step: 1 | -1): number => {
    let found = 0;
    for (let at = own + step, gap = 1; gap <= MAX_GAP; at += step, gap += 1) {
      if (!present.has(at)) continue;
      found += 1;
      gap = 0;
    }
    return found;
  };
  return 1 + walk(1) + walk(-1);
}
