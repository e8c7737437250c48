import type { Redis } from 'ioredis';
import { Callback, type NewCallback } from './callback.ts';
import type { EndpointId } from './callback-endpoint.ts';
import type { EpochMs } from './clock.ts';
import { type CallbackId, type RandomHex, randomHex, type VerificationId } from './ids.ts';
import type { Keys } from './keys.ts';
import { type Entry, entries, newestFirst } from './newest-first.ts';
import { NO_RECORD, readRecord } from './record.ts';
import type { RunScript } from './redis-scripts.ts';
import type { ConfirmRecord } from './replication.ts';
import { type StoryFact, storyLine } from './story.ts';

/** A callback as it was read, with the version that a write must find unchanged. */
export interface StoredCallback {
  /** See `record.ts`. */
  version: string;
  callback: Callback;
  /** The exact bytes that every delivery sends. */
  body: string;
}

interface Deps {
  redis: Redis;
  runScript: RunScript;
  keys: Keys;
  /** How long callbacks stay readable. */
  retentionMs: number;
  confirmRecord: ConfirmRecord;
  random?: RandomHex;
}

/** The callbacks of one partition. */
export type PartitionCallbackStore = ReturnType<typeof createCallbackStore>;
/** What can be done with callbacks wherever they are. */
export type CallbackStore = Omit<PartitionCallbackStore, 'overdue' | 'lookAgain'>;

/** Keeps callbacks, their deliveries and their place in the retry schedule; the jobs in the queue are only errands. */
export function createCallbackStore({ redis, runScript, keys, retentionMs, confirmRecord, random = randomHex }: Deps) {
  return {
    async read(id: CallbackId): Promise<StoredCallback | undefined> {
      const record = await redis.get(keys.callback(id));
      if (record === null) return undefined;
      const { version, doc, rest } = readRecord(record);
      return { version, callback: Callback.parse(JSON.parse(doc)), body: rest };
    },

    /**
     * Waits until replicas have a callback as it was read (`REDIS_WAIT_REPLICAS`): what a receiver was told must not be
     * forgotten, or the next event would bear the same number.
     *
     * @returns false when it is another one by now.
     * @throws NotReplicatedError when too few replicas answer in time.
     */
    confirm: ({ callback, version }: StoredCallback): Promise<boolean> =>
      confirmRecord(keys.callback(callback.id), version),

    /**
     * Stores what a delivery changed, and tells the verification's story of it.
     *
     * @returns false when somebody else changed it meanwhile.
     */
    async save(before: StoredCallback, after: Callback, told?: StoryFact): Promise<boolean> {
      const { verificationId } = after;
      const story = told !== undefined && verificationId !== null ? [keys.verification(verificationId)] : [];
      const reply = await runScript(
        'saveCallback',
        [keys.callback(after.id), keys.dueCallbacks, ...story],
        [
          after.id,
          before.version,
          JSON.stringify(after),
          after.nextAt === null ? '' : Math.floor(after.nextAt),
          random(6),
          ...(told ? [storyLine(told), keys.changes, verificationId ?? ''] : []),
        ],
      );
      return reply === 1;
    },

    /** Records callbacks that belong to no verification. */
    async record(callbacks: readonly NewCallback[], now: EpochMs): Promise<void> {
      const [first] = callbacks;
      if (first === undefined) return;
      await runScript(
        'recordCallbacks',
        [
          keys.dueCallbacks,
          keys.callbacksOf(first.callback.owner),
          ...callbacks.flatMap(({ callback }) => [
            keys.callback(callback.id),
            keys.callbacksOfTarget(callback.endpointId ?? callback.owner),
          ]),
        ],
        [
          Math.floor(now),
          Math.ceil(now + retentionMs),
          ...callbacks.flatMap(({ callback, body }) => [callback.id, JSON.stringify(callback), body]),
        ],
      );
    },

    /** An owner's callbacks, or those of one endpoint, from the newest on. */
    newestFirst: (
      owner: string,
      endpoint: EndpointId | undefined,
      from: Entry<CallbackId> | undefined,
      limit: number,
    ) =>
      newestFirst<CallbackId>(
        redis,
        endpoint === undefined ? keys.callbacksOf(owner) : keys.callbacksOfTarget(endpoint),
        from,
        limit,
      ),

    /** An endpoint's callbacks made in a time, the oldest first. */
    async between(endpoint: EndpointId, since: EpochMs, until: EpochMs, limit: number): Promise<Entry<CallbackId>[]> {
      const index = keys.callbacksOfTarget(endpoint);
      return entries(await redis.zrangebyscore(index, since, until, 'WITHSCORES', 'LIMIT', 0, limit));
    },

    /** Ids of a verification's callbacks, oldest first. */
    async ofVerification(id: VerificationId): Promise<CallbackId[]> {
      return (await redis.lrange(keys.verificationCallbacks(id), 0, -1)) as CallbackId[];
    },

    /** Ids of undelivered callbacks that were due before `before`, the most overdue first. */
    async overdue(before: EpochMs, limit: number): Promise<CallbackId[]> {
      return (await redis.zrangebyscore(keys.dueCallbacks, '-inf', before, 'LIMIT', 0, limit)) as CallbackId[];
    },

    /** Puts off the next look at a callback that was found in order. */
    async lookAgain(id: CallbackId, stored: StoredCallback | undefined, at: EpochMs): Promise<void> {
      await runScript(
        'lookAgain',
        [keys.callback(id), keys.dueCallbacks],
        [id, stored?.version ?? NO_RECORD, Math.floor(at)],
      );
    },
  };
}
