import { Redis } from 'ioredis';
import { type ApiKeyStore, createApiKeyStore } from '../shared/api-key-store.ts';
import type { Clock } from '../shared/clock.ts';
import { readSettings } from '../shared/config.ts';
import { createKeys } from '../shared/keys.ts';
import { describeNetworkError } from '../shared/network-errors.ts';
import { createRedisClock } from '../shared/redis-clock.ts';
import { createRunScript } from '../shared/redis-scripts.ts';
import { UsageError } from './command.ts';
import { findDevelopmentService } from './development-service.ts';
import type { Env } from './env.ts';

const TIMEOUT_MS = 3_000;

/** Does something with the API keys of the service that runs here, or of the one whose Redis `REDIS_URL` names. */
export async function withApiKeys<T>(
  env: Env,
  work: (parts: { store: ApiKeyStore; clock: Clock }) => Promise<T>,
): Promise<T> {
  const running = await findDevelopmentService(env);
  const url = readSettings(running?.env ?? env, 'api').settings.REDIS_URL;
  if (url === undefined)
    throw new UsageError('REDIS_URL is not set, or is no Redis URL: it tells where keys are kept.');
  const redis = new Redis(url, {
    lazyConnect: true,
    disconnectTimeout: 100, // it would hold the process for 2 s
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
  });
  let cause: unknown;
  redis.on('error', (error) => {
    cause = error; // the rejection of a command says only that the connection is closed
  });
  const clock = createRedisClock({ redis });
  try {
    await redis.connect();
    await clock.sync();
    const store = createApiKeyStore({ redis, runScript: createRunScript(redis), keys: createKeys(), clock });
    return await work({ store, clock });
  } catch (error) {
    if (cause === undefined) throw error;
    throw new Error(`Redis is not usable: ${describeNetworkError(cause, 'no connection')}`);
  } finally {
    clock.stop();
    redis.disconnect();
  }
}
