import { type ApiKeyStore, createApiKeyStore } from '../shared/api-key-store.ts';
import type { Clock } from '../shared/clock.ts';
import { readSettings } from '../shared/config.ts';
import { createKeys } from '../shared/keys.ts';
import { createRunScript } from '../shared/redis-scripts.ts';
import { UsageError } from './command.ts';
import { findDevelopmentService } from './development-service.ts';
import type { Env } from './env.ts';
import { withRedis } from './with-redis.ts';

/** Does something with the API keys of the service that runs here, or of the one whose Redis `REDIS_URL` names. */
export async function withApiKeys<T>(
  env: Env,
  work: (parts: { store: ApiKeyStore; clock: Clock }) => Promise<T>,
): Promise<T> {
  const running = await findDevelopmentService(env);
  const url = readSettings(running?.env ?? env, 'api').settings.REDIS_URL;
  if (url === undefined)
    throw new UsageError('REDIS_URL is not set, or is no Redis URL: it tells where keys are kept.');
  return withRedis(url, (redis, clock) => {
    const store = createApiKeyStore({ redis, runScript: createRunScript(redis), keys: createKeys(), clock });
    return work({ store, clock });
  });
}
