import type { Logger } from 'pino';
import { CHANNELS, type Channel } from '../shared/channel.ts';
import type { Config } from '../shared/config.ts';
import type { Keys } from '../shared/keys.ts';
import type { Queues } from '../shared/queues.ts';
import type { RunScript } from '../shared/redis-scripts.ts';

/** A rate of 0 is no limit; but only a queue that has some limit can be paused for all workers by a 429. */
const NO_LIMIT = 1_000_000;

interface Deps {
  /** Those of every partition. */
  queues: readonly Queues[];
  runScript: RunScript;
  keys: Keys;
  channels: Config['channels'];
  log: Logger;
}

export type ChannelRate = ReturnType<typeof createChannelRate>;

/**
 * Builds the rate of each channel, which is one for all workers and partitions: SignalWire counts them together. BullMQ
 * keeps the rate of one queue; where a channel has several, each may go at the full rate and all take turns from one count.
 */
export function createChannelRate({ queues, runScript, keys, channels, log }: Deps) {
  const windowOf = (channel: Channel) => rateWindow(channels[channel].ratePerSecond);

  return {
    /** Sets the rate of every queue that has none, as at first and after somebody has wiped one with its limit. */
    async keep(): Promise<void> {
      for (const channel of CHANNELS) {
        for (const { [channel]: queue } of queues) {
          if ((await queue.getGlobalRateLimit()) !== null) continue;
          await queue.setGlobalRateLimit(...windowOf(channel));
          log.info({ channel }, 'the rate limit of a channel is set');
        }
      }
    },

    /** Sets the rate of every queue to the configured one. */
    async set(): Promise<void> {
      for (const channel of CHANNELS) {
        for (const { [channel]: queue } of queues) await queue.setGlobalRateLimit(...windowOf(channel));
      }
    },

    /** Takes a turn. @returns how long to wait before the next try for one, ms; 0: it is taken. */
    async takeTurn(channel: Channel): Promise<number> {
      if (queues.length === 1 || channels[channel].ratePerSecond === 0) return 0;
      const [turns, windowMs] = windowOf(channel);
      return Number(await runScript('takeTurn', [keys.turns(channel)], [turns, windowMs]));
    },

    /** Lets the channel rest, for all workers. */
    async pause(channel: Channel, ms: number): Promise<void> {
      await Promise.all(queues.map(({ [channel]: queue }) => queue.rateLimit(ms)));
    },
  };
}

/** A rate as BullMQ counts it: so many in a window of so many milliseconds. */
function rateWindow(perSecond: number): [max: number, windowMs: number] {
  if (perSecond === 0) return [NO_LIMIT, 1_000];
  return perSecond >= 1
    ? [Math.floor(perSecond), Math.floor((1_000 * Math.floor(perSecond)) / perSecond)]
    : [1, Math.ceil(1_000 / perSecond)];
}
