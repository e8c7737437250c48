import type { Redis } from 'ioredis';
import { CallbackEndpoint, type EndpointId } from './callback-endpoint.ts';
import type { EpochMs } from './clock.ts';
import type { Keys } from './keys.ts';
import type { RunScript } from './redis-scripts.ts';

/** An owner's endpoints, as of a version that counts every change to them. */
export interface EndpointSet {
  version: string;
  endpoints: readonly CallbackEndpoint[];
}

/** How often and since when an endpoint has only failed. */
export interface Failures {
  since: EpochMs;
  count: number;
}

/** Failures are forgotten when nothing is delivered for so long. */
const FAILURES_TTL_MS = 30 * 24 * 60 * 60_000;

interface Deps {
  redis: Redis;
  runScript: RunScript;
  keys: Keys;
  /** Other partitions, which note the version of what they have seen. */
  elsewhere?: readonly Keys[];
}

export type EndpointStore = ReturnType<typeof createEndpointStore>;

/**
 * Keeps the registered targets of callbacks. Each process remembers an owner's set; what is stored with it names the
 * set's version, so that an event is never fanned out to an outdated one.
 */
export function createEndpointStore({ redis, runScript, keys, elsewhere = [] }: Deps) {
  const known = new Map<string, EndpointSet>();

  async function load(owner: string): Promise<EndpointSet> {
    const [version, docs] = await Promise.all([
      redis.get(keys.endpointsVersion(owner)), // first: a set that is newer than its version is only loaded once more
      redis.hvals(keys.endpoints(owner)),
    ]);
    const endpoints = docs.map((doc) => CallbackEndpoint.parse(JSON.parse(doc)));
    const set = { version: version ?? '0', endpoints: endpoints.sort((a, b) => a.createdAt - b.createdAt) };
    known.set(owner, set);
    return set;
  }

  return {
    /** The owner's set as this process knows it. */
    async of(owner: string): Promise<EndpointSet> {
      return known.get(owner) ?? load(owner);
    },

    /** The owner's set as it is now. */
    load,

    async read(owner: string, id: EndpointId): Promise<CallbackEndpoint | undefined> {
      const doc = await redis.hget(keys.endpoints(owner), id);
      return doc === null ? undefined : CallbackEndpoint.parse(JSON.parse(doc));
    },

    /**
     * Stores a change.
     *
     * @param before - what was read; undefined for a new one.
     * @param after - undefined deletes it.
     * @returns false when somebody else changed it meanwhile.
     */
    async save(before: CallbackEndpoint | undefined, after: CallbackEndpoint | undefined): Promise<boolean> {
      const endpoint = after ?? before;
      if (endpoint === undefined) return true;
      const reply = await runScript(
        'saveEndpoint',
        [keys.endpoints(endpoint.owner), keys.endpointsVersion(endpoint.owner)],
        [endpoint.id, before ? JSON.stringify(before) : '', after ? JSON.stringify(after) : ''],
      );
      known.delete(endpoint.owner);
      await Promise.all(elsewhere.map((other) => redis.del(other.endpointsVersion(endpoint.owner))));
      if (after === undefined || after.disabled === null) await redis.del(keys.endpointFailures(endpoint.id));
      return reply === 1;
    },

    /** Notes how a delivery ended. @returns since when it only failed; undefined when it did not. */
    async noteDelivery(id: EndpointId, succeeded: boolean, now: EpochMs): Promise<Failures | undefined> {
      const args = [succeeded ? 1 : 0, Math.floor(now), FAILURES_TTL_MS];
      const [since, count] = (await runScript('noteDelivery', [keys.endpointFailures(id)], args)) as [number, number];
      return count === 0 ? undefined : { since, count };
    },
  };
}
