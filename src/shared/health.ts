import type { Redis } from 'ioredis';
import type { Trouble, TroubleBoard } from './trouble.ts';

export interface ReadyBody {
  status: 'ready' | 'unavailable' | 'shutting_down';
  redis: 'ok' | 'unreachable';
  /** Trouble at SignalWire; the service is up and keeps trying. */
  degraded: Trouble[];
}

export type Health = ReturnType<typeof createHealth>;

/** Redis is asked at most this often, however many probes there are. */
const CACHE_MS = 1_000;
const PING_LIMIT_MS = 1_000;

interface Deps {
  redis: Redis;
  troubles: TroubleBoard;
  monotonicNow: () => number;
}

/** What the probes are told. `livez` never touches Redis: a restart would not bring it back. */
export function createHealth({ redis, troubles, monotonicNow }: Deps) {
  let shuttingDown = false;
  let cached: { at: number; degraded: Promise<Trouble[] | undefined> } | undefined;

  async function askRedis(): Promise<Trouble[] | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, PING_LIMIT_MS, undefined);
    });
    const answer = redis.status === 'ready' ? troubles.list().catch(() => undefined) : undefined;
    const degraded = await Promise.race([answer, limit]);
    clearTimeout(timer);
    return degraded;
  }

  return {
    live: () => ({ status: 'alive' }),

    async ready(): Promise<{ status: 200 | 503; body: ReadyBody }> {
      if (cached === undefined || monotonicNow() - cached.at > CACHE_MS)
        cached = { at: monotonicNow(), degraded: askRedis() };
      const degraded = await cached.degraded;
      const ok = degraded !== undefined;
      const status = shuttingDown ? 'shutting_down' : ok ? 'ready' : 'unavailable';
      return {
        status: status === 'ready' ? 200 : 503,
        body: { status, redis: ok ? 'ok' : 'unreachable', degraded: degraded ?? [] },
      };
    },

    /** From now on not ready, so that load balancers send no more. */
    shutDown(): void {
      shuttingDown = true;
    },
  };
}
