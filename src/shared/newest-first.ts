import type { Redis } from 'ioredis';
import type { EpochMs } from './clock.ts';

/** A member of an index, and the moment that it was made. */
export interface Entry<Id extends string> {
  id: Id;
  at: EpochMs;
}

/**
 * Reads an index (ZSET id → epoch ms) from its newest end.
 *
 * @param from - the last entry of a former page; entries of the same moment are ordered by their ids, descending.
 */
export async function newestFirst<Id extends string>(
  redis: Redis,
  index: string,
  from: Entry<Id> | undefined,
  limit: number,
): Promise<Entry<Id>[]> {
  const found: Entry<Id>[] = [];
  for (let offset = 0; found.length < limit; offset += limit) {
    const flat = await redis.zrevrangebyscore(index, from?.at ?? '+inf', '-inf', 'WITHSCORES', 'LIMIT', offset, limit);
    for (const entry of entries<Id>(flat)) {
      if (from === undefined || entry.at < from.at || entry.id < from.id) found.push(entry);
    }
    if (flat.length < 2 * limit) break;
  }
  return found.slice(0, limit);
}

/** What Redis answers `WITHSCORES`: member and score by turns. */
export function entries<Id extends string>(flat: readonly string[]): Entry<Id>[] {
  return flat.flatMap((member, i) => (i % 2 === 0 ? [{ id: member as Id, at: Number(flat[i + 1]) }] : []));
}
