import type { Redis } from 'ioredis';
import type { Keys } from './keys.ts';

const CHANNELS = ['sms', 'call'] as const;
/** The operator's set-up; the account behind it; SignalWire itself; numbers that no key opens. */
const CODES = ['misconfigured', 'account', 'circuit_open', 'encryption_key'] as const;

/** Trouble that `readyz` reports while it lasts. */
export interface Trouble {
  channel: 'sms' | 'call';
  code: (typeof CODES)[number];
  /** What SignalWire said; never a number or a credential. */
  detail: string;
  since: string;
}

/** Longer than the 30 s between tries of a misconfigured account, so that the report does not flicker. */
const TROUBLE_TTL_MS = 120_000;

export type TroubleBoard = ReturnType<typeof createTroubleBoard>;

/** What is wrong with the set-up at SignalWire, shared by all processes. It is forgotten when nothing repeats it. */
export function createTroubleBoard({ redis, keys }: { redis: Redis; keys: Keys }) {
  const reported = new Set<string>();
  const key = (channel: string, code: string) => keys.degraded(`${channel}:${code}`);
  return {
    async report({ channel, code, detail }: Omit<Trouble, 'since'>, now: number): Promise<void> {
      reported.add(key(channel, code));
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

    /** Forgets what this process has reported and now knows to be over; what others reported runs out by itself. */
    async clear(channel: Trouble['channel'], codes: readonly Trouble['code'][]): Promise<void> {
      const over = codes.map((code) => key(channel, code)).filter((name) => reported.delete(name));
      if (over.length > 0) await redis.del(...over);
    },

    async list(): Promise<Trouble[]> {
      const found = await redis.mget(CHANNELS.flatMap((channel) => CODES.map((code) => key(channel, code))));
      return found.flatMap((text) => (text === null ? [] : [JSON.parse(text) as Trouble]));
    },
  };
}
