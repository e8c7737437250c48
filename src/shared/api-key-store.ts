import type { Redis } from 'ioredis';
import { ApiKey, newKeyParts, type Scope } from './api-key.ts';
import type { Clock, EpochMs } from './clock.ts';
import type { Keys } from './keys.ts';
import type { RunScript } from './redis-scripts.ts';

/** How long a key is still listed once it has ended. */
const LISTED_MS = 90 * 24 * 60 * 60_000;

export type ApiKeyStore = ReturnType<typeof createApiKeyStore>;

interface Deps {
  redis: Redis;
  runScript: RunScript;
  keys: Keys;
  clock: Clock;
}

/** Keeps the API keys that the command line makes. Whoever remembers keys is told of each change on a channel. */
export function createApiKeyStore({ redis, runScript, keys, clock }: Deps) {
  async function read(id: string): Promise<ApiKey | undefined> {
    const { doc, ...rest } = await redis.hgetall(keys.apiKey(id));
    if (doc === undefined) return undefined;
    const timeOf = (text: string | undefined) => (text === undefined ? null : Number(text));
    return ApiKey.parse({
      ...JSON.parse(doc),
      expiresAt: timeOf(rest['expires_at']),
      revokedAt: timeOf(rest['revoked_at']),
      lastUsedDay: rest['last_used_day'] ?? null,
    });
  }

  async function end(id: string, field: 'expires_at' | 'revoked_at', at: EpochMs): Promise<ApiKey | undefined> {
    const leavesMs = Math.max(0, at - clock.now()) + LISTED_MS;
    const touched = [keys.apiKey(id), keys.apiKeys];
    await runScript('saveApiKey', touched, [id, '', clock.now(), keys.apiKeyChanges, leavesMs, field, at]);
    return read(id);
  }

  return {
    read,

    /**
     * Makes a key.
     *
     * @param expiresAt - null: it stays until it is revoked.
     * @returns it with its text, which is told this once and kept nowhere.
     */
    async create(name: string, scopes: readonly Scope[], expiresAt: EpochMs | null) {
      const { id, hash, text } = newKeyParts();
      const now = clock.now();
      const doc = JSON.stringify({ id, name, scopes, hash, createdAt: now });
      const leavesMs = expiresAt === null ? '' : Math.max(0, expiresAt - now) + LISTED_MS;
      const fields = expiresAt === null ? [] : ['expires_at', expiresAt];
      const touched = [keys.apiKey(id), keys.apiKeys];
      await runScript('saveApiKey', touched, [id, doc, now, keys.apiKeyChanges, leavesMs, ...fields]);
      const key: ApiKey = {
        id,
        name,
        scopes: [...scopes],
        hash,
        createdAt: now,
        expiresAt,
        revokedAt: null,
        lastUsedDay: null,
      };
      return { key, text };
    },

    /** All keys, also those that ended lately, the oldest first. @param name - those of one name. */
    async list(name?: string): Promise<ApiKey[]> {
      const ids = await redis.zrange(keys.apiKeys, 0, '-1');
      const found = await Promise.all(ids.map(read));
      const gone = ids.filter((_id, i) => found[i] === undefined);
      if (gone.length > 0) await redis.zrem(keys.apiKeys, ...gone);
      return found.filter((key) => key !== undefined && (name === undefined || key.name === name)) as ApiKey[];
    },

    /** Ends a key at once. @returns undefined when there is none. */
    revoke: (id: string) => end(id, 'revoked_at', clock.now()),

    /** Lets a key end later, so that its owner can change over to another one. @returns undefined when there is none. */
    expire: (id: string, at: EpochMs) => end(id, 'expires_at', at),

    /** Notes the day of a use: written once per day, however many ask for it. */
    async noteUse(id: string, day: string): Promise<void> {
      await runScript('noteApiKeyUse', [keys.apiKey(id)], [day]);
    },
  };
}
