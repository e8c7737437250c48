import type { Entry } from '../shared/newest-first.ts';
import { invalidRequest } from './problems.ts';

/** How many records are looked at for one page; with rare filters a page may be short, and its cursor leads on. */
const MAX_LOOKED_AT = 1_000;
const BATCH = 100;

interface Source<Id extends string, T> {
  /** Reads the next entries of the index. */
  next(from: Entry<Id> | undefined, limit: number): Promise<Entry<Id>[]>;
  /** Reads the record; undefined when it has vanished or does not fit the filters. */
  read(id: Id): Promise<T | undefined>;
}

/** Collects one page of a list, the newest first: stable while records are added. */
export async function collectPage<Id extends string, T>(
  { next, read }: Source<Id, T>,
  limit: number,
  cursor: string | undefined,
): Promise<{ data: T[]; next_cursor: string | null }> {
  const data: T[] = [];
  let from = cursor === undefined ? undefined : readCursor<Id>(cursor);
  let more = true;
  for (let looked = 0; more && data.length < limit && looked < MAX_LOOKED_AT; ) {
    const batch = await next(from, BATCH);
    const records = await Promise.all(batch.map(({ id }) => read(id)));
    more = batch.length === BATCH;
    for (const [i, entry] of batch.entries()) {
      const record = records[i];
      from = entry;
      looked += 1;
      if (record !== undefined) data.push(record);
      if (data.length === limit) {
        more ||= i < batch.length - 1;
        break;
      }
    }
  }
  return { data, next_cursor: more && from ? Buffer.from(`${from.at}:${from.id}`).toString('base64url') : null };
}

function readCursor<Id extends string>(cursor: string): Entry<Id> {
  const [, at, id] = /^(\d{1,15}):([a-z]+_[0-9a-f]+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (at === undefined || id === undefined) {
    throw invalidRequest([{ pointer: '/cursor', code: 'invalid-value', detail: 'pass a "next_cursor" as it came' }]);
  }
  return { at: Number(at), id: id as Id };
}
