import type { Logger } from 'pino';
import type { Channel } from '../shared/channel.ts';
import type { Clock } from '../shared/clock.ts';
import type { Keys } from '../shared/keys.ts';
import type { Metrics } from '../shared/metrics.ts';
import type { RunScript } from '../shared/redis-scripts.ts';
import type { ChannelRate } from './channel-rate.ts';

/** One number's 429 is that number's; two numbers' within this time speak of the whole account. */
const WINDOW_MS = 10_000;
const MAX_PAUSE_MS = 60_000;
/** When SignalWire does not say how long. */
const DEFAULT_PAUSE_MS = 1_000;

export type PauseChannel = (channel: Channel, numberHash: string, retryAfterMs: number | undefined) => Promise<void>;

interface Deps {
  rate: Pick<ChannelRate, 'pause'>;
  runScript: RunScript;
  keys: Keys;
  clock: Clock;
  metrics: Metrics;
  log: Logger;
}

/** Builds what happens after a 429: the channel rests, for all workers, once two numbers have met one. */
export function createPauseChannel({ rate, runScript, keys, clock, metrics, log }: Deps): PauseChannel {
  return async function pauseChannel(channel, numberHash, retryAfterMs) {
    const numbers = await runScript(
      'noteRateLimited',
      [keys.rateLimited(channel)],
      [numberHash, clock.now(), WINDOW_MS],
    );
    if (Number(numbers) < 2) return;
    const pauseMs = Math.min(retryAfterMs ?? DEFAULT_PAUSE_MS, MAX_PAUSE_MS);
    if (pauseMs <= 0) return;
    await rate.pause(channel, pauseMs);
    metrics.channelPauses.inc({ channel });
    log.warn({ channel, pauseMs }, 'signalwire limits the rate: the channel pauses');
  };
}
