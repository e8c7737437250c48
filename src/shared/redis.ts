import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import { parseRedisUrl } from './redis-address.ts';

/**
 * A connection for a process that must answer its own clients: while Redis is away every command fails at once, and
 * one that gets no answer fails after `commandTimeoutMs`, so that a request is refused instead of hanging.
 */
export function connectForRequests(url: string, log: Logger, commandTimeoutMs: number): Redis {
  return withLog(
    connect(
      url,
      {
        maxRetriesPerRequest: 0,
        autoResendUnfulfilledCommands: false,
        commandTimeout: commandTimeoutMs,
        connectTimeout: 2_000,
      },
      { enableOfflineQueue: false, maxRedirections: 5, retryStrategy: (attempt) => Math.min(attempt * 100, 1_000) },
    ),
    log,
  );
}

/**
 * A connection for background work: commands wait while Redis is away and go on by themselves once it is back.
 * BullMQ's own delays between reconnects grow to 20 s; these stay under 2 s.
 */
export function connectForWork(url: string, log: Logger): Redis {
  return withLog(
    connect(
      url,
      { maxRetriesPerRequest: null },
      {
        enableOfflineQueue: true,
        maxRedirections: Number.MAX_SAFE_INTEGER,
        retryStrategy: (attempt) => Math.min(attempt * 200, 2_000),
      },
    ),
    log,
  );
}

/**
 * A connection for a program that asks once and ends: when Redis is not there, or gives no answer within `timeoutMs`, its
 * commands fail and it is not tried again. Why tells its event `error` better than they do.
 */
export function connectOnce(url: string, timeoutMs: number): Redis {
  return connect(
    url,
    {
      maxRetriesPerRequest: 0,
      commandTimeout: timeoutMs,
      connectTimeout: timeoutMs,
      disconnectTimeout: 100, // it would hold the process for 2 s
    },
    { enableOfflineQueue: true, maxRedirections: 5, retryStrategy: () => null },
  );
}

type CommandOptions = Pick<
  RedisOptions,
  'maxRetriesPerRequest' | 'autoResendUnfulfilledCommands' | 'commandTimeout' | 'connectTimeout' | 'disconnectTimeout'
>;

/** What a single connection takes with its own options, and a Cluster as a whole. */
interface Resilience {
  enableOfflineQueue: boolean;
  /** Of a Cluster: how often a command looks for its new place, {@link REDIRECT_DELAY_MS} apart. */
  maxRedirections: number;
  /** The wait before the next connection, ms; null: there is none. */
  retryStrategy: (attempt: number) => number | null;
}

/** Soon enough to notice that a replica has taken over, when no command has met the change. */
const SLOTS_REFRESH_MS = 5_000;
const REDIRECT_DELAY_MS = 100;

function connect(
  url: string,
  options: CommandOptions,
  { enableOfflineQueue, maxRedirections, retryStrategy }: Resilience,
): Redis {
  const address = parseRedisUrl(url);
  const { username, password, tls } = address;
  const common = {
    ...options,
    // after a failover the former primary refuses writes: the new one has to be looked up, and nothing was done
    reconnectOnError: (error: Error) => (error.message.startsWith('READONLY') ? (2 as const) : false),
  };
  const login = {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
  };
  switch (address.kind) {
    case 'single':
      return joinWrites(new Redis(address.url, { ...common, enableOfflineQueue, retryStrategy }));
    case 'sentinel':
      return joinWrites(
        new Redis({
          ...common,
          ...login,
          sentinels: [...address.sentinels],
          name: address.primary,
          db: address.database,
          enableTLSForSentinelMode: tls,
          sentinelRetryStrategy: retryStrategy,
          enableOfflineQueue,
          retryStrategy,
        }),
      );
    case 'cluster': {
      const cluster = new Cluster([...address.nodes], {
        redisOptions: { ...common, ...login },
        enableOfflineQueue,
        clusterRetryStrategy: retryStrategy,
        slotsRefreshInterval: SLOTS_REFRESH_MS,
        maxRedirections,
        retryDelayOnFailover: REDIRECT_DELAY_MS,
        retryDelayOnClusterDown: REDIRECT_DELAY_MS,
      });
      cluster.on('+node', joinWrites);
      // it takes the same commands; what only a single connection has, nobody here asks for
      return cluster as unknown as Redis;
    }
    default:
      return address satisfies never;
  }
}

/**
 * Has a connection write what it is given in one turn of the event loop at once: under load one system call carries the
 * commands of many requests. (ioredis's own auto pipelining costs more than it saves here: it builds a pipeline object, with
 * every script's method on it, for each turn.)
 */
function joinWrites(redis: Redis): Redis {
  return redis.on('connect', () => {
    const { stream } = redis;
    const write = stream.write.bind(stream) as (...args: unknown[]) => boolean;
    stream.write = (...args: unknown[]) => {
      if (stream.writableCorked === 0) {
        stream.cork();
        setImmediate(() => stream.uncork());
      }
      return write(...args);
    };
  });
}

function withLog(redis: Redis, log: Logger): Redis {
  let down = false;
  redis.on('error', (error: NodeJS.ErrnoException) => {
    if (!down) log.warn({ code: error.code, reason: error.message }, 'redis is not reachable');
    down = true;
  });
  redis.on('ready', () => {
    if (down) log.info('redis is back');
    down = false;
  });
  return redis;
}

/** Closes a connection without waiting for a Redis that may be gone. */
export function disconnect(redis: Redis): void {
  redis.disconnect();
}
