import type { Redis } from 'ioredis';
import { Callback, type NewCallback } from './callback.ts';
import type { EndpointId } from './callback-endpoint.ts';
import type { EpochMs } from './clock.ts';
import { type CallbackId, type RandomHex, randomHex, type VerificationId } from './ids.ts';
import type { Keys } from './keys.ts';
import type { RunScript } from './redis-scripts.ts';

/** A callback as it was read, with the version that a write must find unchanged. */
export interface StoredCallback {
  version: number;
  callback: Callback;
  /** The exact bytes that every delivery sends. */
  body: string;
}

interface Deps {
  redis: Redis;
  runScript: RunScript;
  keys: Keys;
  random?: RandomHex;
}

interface Deps {
  redis: Redis;
  runScript: RunScript;
  keys: Keys;
  /** How long callbacks stay readable. */
  retentionMs: number;
  random?: RandomHex;
}

export type CallbackStore = ReturnType<typeof createCallbackStore>;

/** Keeps callbacks, their deliveries and their place in the retry schedule; the jobs in the queue are only errands. */
export function createCallbackStore({ redis, runScript, keys, retentionMs, random = randomHex }: Deps) {
  return {
    async read(id: CallbackId): Promise<StoredCallback | undefined> {
      const [version, doc, body] = await redis.hmget(keys.callback(id), 'version', 'doc', 'body');
      if (!version || !doc || body == null) return undefined;
      return { version: Number(version), callback: Callback.parse(JSON.parse(doc)), body };
    },

    /** Stores what a delivery changed. @returns false when somebody else changed it meanwhile. */
    async save(before: StoredCallback, after: Callback): Promise<boolean> {
      const reply = await runScript(
        'saveCallback',
        [keys.callback(after.id), keys.dueCallbacks],
        [
          after.id,
          before.version,
          JSON.stringify(after),
          after.nextAt === null ? '' : Math.floor(after.nextAt),
          random(6),
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

    /**
     * Ids of an owner's callbacks, the newest first.
     *
     * @param from - where to begin, from a former page; ids of the same moment are ordered by themselves.
     */
    async newestFirst(
      owner: string,
      endpoint: EndpointId | undefined,
      from: { at: EpochMs; id: CallbackId } | undefined,
      limit: number,
    ): Promise<{ id: CallbackId; at: EpochMs }[]> {
      const index = endpoint === undefined ? keys.callbacksOf(owner) : keys.callbacksOfTarget(endpoint);
      const found: { id: CallbackId; at: EpochMs }[] = [];
      let offset = 0;
      while (found.length < limit) {
        const flat = await redis.zrevrangebyscore(
          index,
          from?.at ?? '+inf',
          '-inf',
          'WITHSCORES',
          'LIMIT',
          offset,
          limit,
        );
        for (let i = 0; i < flat.length; i += 2) {
          const entry = { id: flat[i] as CallbackId, at: Number(flat[i + 1]) };
          if (from === undefined || entry.at < from.at || entry.id < from.id) found.push(entry);
        }
        if (flat.length < 2 * limit) break;
        offset += limit;
      }
      return found.slice(0, limit);
    },

    /** Ids of an endpoint's callbacks made in a time, the oldest first. */
    async between(endpoint: EndpointId, since: EpochMs, until: EpochMs, limit: number): Promise<CallbackId[]> {
      const index = keys.callbacksOfTarget(endpoint);
      return (await redis.zrangebyscore(index, since, until, 'LIMIT', 0, limit)) as CallbackId[];
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
      await runScript('lookAgain', [keys.callback(id), keys.dueCallbacks], [id, stored?.version ?? 0, Math.floor(at)]);
    },
  };
}
