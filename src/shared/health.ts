import type { Redis } from 'ioredis';
import type { Trouble, TroubleBoard } from './trouble.ts';

export interface ReadyBody {
  status: 'ready' | 'unavailable' | 'shutting_down';
  redis: 'ok' | 'unreachable';
  /** What is wrong, in words for an operator; absent while it is ready. */
  detail?: string;
  /** Trouble at SignalWire; the service is up and keeps trying. */
  degraded: Trouble[];
}

export type Health = ReturnType<typeof createHealth>;

/** Redis is asked at most this often, however many probes there are. */
const CACHE_MS = 1_000;
const PING_LIMIT_MS = 1_000;
const SHUTTING_DOWN = 'this process was told to end: it takes no new work and finishes what it has';

interface Deps {
  redis: Redis;
  troubles: TroubleBoard;
  monotonicNow: () => number;
}

/** What the probes are told. `livez` never touches Redis: a restart would not bring it back. */
export function createHealth({ redis, troubles, monotonicNow }: Deps) {
  let shuttingDown = false;
  let refusal: string | undefined;
  let ask: () => string | undefined = () => undefined;
  let cached: { at: number; degraded: Promise<Trouble[] | undefined> } | undefined;

  function describeRedis(): string {
    if (redis.status !== 'ready')
      return 'Redis is not connected: look at REDIS_URL, the network and Redis itself; this process goes on once it is back';
    return refusal === undefined
      ? `Redis is connected and did not answer within ${PING_LIMIT_MS / 1000} s`
      : `Redis refuses: ${refusal}`;
  }

  async function askRedis(): Promise<Trouble[] | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, PING_LIMIT_MS, undefined);
    });
    refusal = undefined;
    const answer =
      redis.status === 'ready'
        ? troubles.list().catch((error: Error) => {
            refusal = /^[A-Z]+\b/.exec(error.message)?.[0]; // LOADING, READONLY, NOAUTH: what follows may hold names
            return undefined;
          })
        : undefined;
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
      const detail = shuttingDown ? SHUTTING_DOWN : ok ? ask() : describeRedis();
      const status = shuttingDown ? 'shutting_down' : detail === undefined ? 'ready' : 'unavailable';
      return {
        status: status === 'ready' ? 200 : 503,
        body: {
          status,
          redis: ok ? 'ok' : 'unreachable',
          ...(detail !== undefined && { detail }),
          degraded: degraded ?? [],
        },
      };
    },

    /** Has `ready` ask one thing more. @param question - what is wrong, in words; undefined: nothing. */
    alsoAsk(question: () => string | undefined): void {
      ask = question;
    },

    /** From now on not ready, so that load balancers send no more. */
    shutDown(): void {
      shuttingDown = true;
    },
  };
}
