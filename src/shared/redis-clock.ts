import type { Redis } from 'ioredis';
import type { Clock, EpochMs } from './clock.ts';

/** How often the offset is measured again; quartz clocks drift about 1 ms in this time. */
const SYNC_INTERVAL_MS = 10_000;

/** How fast two clocks drift apart at most; far more than quartz does. */
const DRIFT = 1 / 5_000;

export interface RedisClock extends Clock {
  /** Measures the offset once. @throws when Redis does not answer. */
  sync(): Promise<void>;
  /** How far this machine's wall clock is ahead of Redis's, in milliseconds. */
  skewMs(): number;
  stop(): void;
}

interface Deps {
  redis: Pick<Redis, 'time'>;
  /** Milliseconds that only ever grow, whatever happens to the wall clock. */
  monotonicNow?: () => number;
  wallNow?: () => number;
}

/**
 * A clock that follows Redis's, so that all processes agree on deadlines and a worker with a wrong clock, or one whose
 * clock jumps, does no harm. Between measurements it runs on the monotonic clock. Until the first one it is the
 * machine's own.
 */
export function createRedisClock({
  redis,
  monotonicNow = () => performance.now(),
  wallNow = Date.now,
}: Deps): RedisClock {
  let offset = wallNow() - monotonicNow();
  let measured = { at: 0, errorMs: Number.POSITIVE_INFINITY };

  async function sync() {
    const asked = monotonicNow();
    const [seconds, microseconds] = await redis.time();
    const answered = monotonicNow();
    // the time was taken somewhere on the way: an answer that was long on it tells less than we know already
    const errorMs = (answered - asked) / 2;
    if (errorMs > measured.errorMs + (answered - measured.at) * DRIFT) return;
    measured = { at: answered, errorMs };
    offset = Number(seconds) * 1000 + Number(microseconds) / 1000 - (asked + answered) / 2;
  }

  const timer = setInterval(() => {
    sync().catch(() => {}); // the connection's own error handler has told; the last offset serves on
  }, SYNC_INTERVAL_MS).unref();

  return {
    sync,
    now: (): EpochMs => Math.round(monotonicNow() + offset),
    skewMs: () => wallNow() - (monotonicNow() + offset),
    stop: () => clearInterval(timer),
  };
}
