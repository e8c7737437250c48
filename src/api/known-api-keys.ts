import type { Redis } from 'ioredis';
import type { ApiKey } from '../shared/api-key.ts';
import type { ApiKeyStore } from '../shared/api-key-store.ts';
import type { Clock } from '../shared/clock.ts';
import type { Keys } from '../shared/keys.ts';

/** How long a key is remembered at most, should a message about its end be lost. */
const REMEMBERED_MS = 30_000;
const MOST_REMEMBERED = 1_000;

interface Deps {
  store: Pick<ApiKeyStore, 'read' | 'noteUse'>;
  /** A connection that may subscribe. */
  subscriber: Redis;
  keys: Keys;
  clock: Clock;
}

export type KnownApiKeys = ReturnType<typeof createKnownApiKeys>;

/**
 * Remembers API keys, so that most requests ask Redis nothing about theirs. A change is heard over a subscription and
 * forgets the key at once; while nothing can be heard, nothing is remembered.
 */
export function createKnownApiKeys({ store, subscriber, keys, clock }: Deps) {
  const known = new Map<string, { key: ApiKey; until: number }>();
  let hears = false;
  let changes = 0;

  const forget = (id?: string) => {
    changes += 1; // a read that is under way may be older than the change
    if (id === undefined) known.clear();
    else known.delete(id);
  };
  subscriber.on('message', (channel, id: string) => {
    if (channel === keys.apiKeyChanges) forget(id);
  });
  subscriber.on('ready', () => {
    subscriber.subscribe(keys.apiKeyChanges).then(
      () => {
        forget();
        hears = true;
      },
      () => {}, // the connection's own handler tells; it subscribes again
    );
  });
  subscriber.on('close', () => {
    hears = false;
    forget();
  });

  return {
    async find(id: string): Promise<ApiKey | undefined> {
      const remembered = known.get(id);
      if (remembered && clock.now() < remembered.until) return remembered.key;
      const before = changes;
      const key = await store.read(id);
      if (key && hears && changes === before) {
        const [oldest] = known.keys();
        if (oldest !== undefined && known.size >= MOST_REMEMBERED) known.delete(oldest);
        known.set(id, { key, until: clock.now() + REMEMBERED_MS });
      }
      return key;
    },

    /** Notes the day of a use. It may fail: the day is for people who wonder whether a key can go. */
    noteUse(key: ApiKey): void {
      const day = new Date(clock.now()).toISOString().slice(0, 'YYYY-MM-DD'.length);
      if (key.lastUsedDay === day) return;
      const remembered = known.get(key.id);
      if (remembered) remembered.key = { ...key, lastUsedDay: day };
      store.noteUse(key.id, day).catch(() => {});
    },
  };
}
