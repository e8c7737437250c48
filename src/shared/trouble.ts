import type { Redis } from 'ioredis';
import type { Keys } from './keys.ts';

/** Trouble on the operator's side that `readyz` reports while it lasts. */
export interface Trouble {
  channel: 'sms' | 'call';
  code: 'misconfigured' | 'account';
  /** What SignalWire said; never a number or a credential. */
  detail: string;
  since: string;
}

const CHANNELS = ['sms', 'call'] as const;
const CODES = ['misconfigured', 'account'] as const;
/** Longer than the 30 s between tries of a misconfigured account, so that the report does not flicker. */
const TROUBLE_TTL_MS = 120_000;

export type TroubleBoard = ReturnType<typeof createTroubleBoard>;

/** What is wrong with the set-up at SignalWire, shared by all processes. It is forgotten when nothing repeats it. */
export function createTroubleBoard({ redis, keys }: { redis: Redis; keys: Keys }) {
  const key = (channel: string, code: string) => keys.degraded(`${channel}:${code}`);
  return {
    async report({ channel, code, detail }: Omit<Trouble, 'since'>, now: number): Promise<void> {
      const since = new Date(now).toISOString();
      const previous = await redis.get(key(channel, code));
      const trouble: Trouble = {
        channel,
        code,
        detail,
        since: previous ? (JSON.parse(previous) as Trouble).since : since,
      };
      await redis.set(key(channel, code), JSON.stringify(trouble), 'PX', TROUBLE_TTL_MS);
    },

    /** A code was accepted on the channel, so whatever it was is mended. */
    async clear(channel: Trouble['channel']): Promise<void> {
      await redis.del(...CODES.map((code) => key(channel, code)));
    },

    async list(): Promise<Trouble[]> {
      const found = await redis.mget(CHANNELS.flatMap((channel) => CODES.map((code) => key(channel, code))));
      return found.flatMap((text) => (text === null ? [] : [JSON.parse(text) as Trouble]));
    },
  };
}
