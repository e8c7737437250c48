import { type ApiKeyStore, createApiKeyStore } from '../shared/api-key-store.ts';
import type { Clock } from '../shared/clock.ts';
import { readSettings } from '../shared/config.ts';
import { createKeys } from '../shared/keys.ts';
import { createRunScript } from '../shared/redis-scripts.ts';
import { type ConfirmReplicated, createConfirmReplicated } from '../shared/replication.ts';
import { UsageError } from './command.ts';
import { findDevelopmentService } from './development-service.ts';
import type { Env } from './env.ts';
import { withRedis } from './with-redis.ts';

/** What a command has at hand; a change counts once `confirmReplicated` has resolved. */
interface Parts {
  store: ApiKeyStore;
  clock: Clock;
  confirmReplicated: ConfirmReplicated;
}

/** Does something with the API keys of the service that runs here, or of the one whose Redis `REDIS_URL` names. */
export async function withApiKeys<T>(env: Env, work: (parts: Parts) => Promise<T>): Promise<T> {
  const running = await findDevelopmentService(env);
  const { REDIS_URL, REDIS_WAIT_REPLICAS = 0 } = readSettings(running?.env ?? env, 'api').settings;
  if (REDIS_URL === undefined) {
    throw new UsageError('REDIS_URL is not set, or is no Redis URL: it tells where keys are kept.');
  }
  return withRedis(REDIS_URL, (redis, clock) => {
    const store = createApiKeyStore({ redis, runScript: createRunScript(redis), keys: createKeys(), clock });
    return work({ store, clock, confirmReplicated: createConfirmReplicated(redis, REDIS_WAIT_REPLICAS) });
  });
}
