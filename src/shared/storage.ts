import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { createCallbackStore } from './callback-store.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { createEndpointEvents } from './endpoint-events.ts';
import { createEndpointStore } from './endpoint-store.ts';
import { createErrands } from './errands.ts';
import { createHealth } from './health.ts';
import { randomHex } from './ids.ts';
import type { Keys } from './keys.ts';
import type { Metrics } from './metrics.ts';
import { createNumberCipher } from './number-cipher.ts';
import { policyOf } from './policy.ts';
import { createQueues } from './queues.ts';
import { createRunScript } from './redis-scripts.ts';
import { createConfirmReplicated } from './replication.ts';
import { createTroubleBoard } from './trouble.ts';
import { createVerificationStore } from './verification-store.ts';
import { createVerifications } from './verifications.ts';

interface Deps {
  redis: Redis;
  keys: Keys;
  clock: Clock;
  config: Config;
  metrics: Metrics;
  log: Logger;
}

/** Wires what both processes keep in Redis: the records, the queues, and what they tell each other. */
export function createStorage({ redis, keys, clock, config, metrics, log }: Deps) {
  const runScript = createRunScript(redis);
  const policy = policyOf(config);
  const queues = createQueues(redis, keys.queuePrefix);
  const errands = createErrands({ queues, clock, log });
  const endpoints = createEndpointStore({ redis, runScript, keys });
  const { retentionMs } = config;
  if (config.encryptionKeys.length === 0) {
    log.warn('ENCRYPTION_KEYS is not set: numbers are stored unencrypted until NUMBER_RETENTION after the end');
  }
  const callbackUrl = config.callbacks.url;
  const random = randomHex;
  const store = createVerificationStore({
    redis,
    runScript,
    keys,
    clock,
    policy,
    random,
    numbers: createNumberCipher(config.encryptionKeys, log),
    endpoints,
    callbackUrl,
    retentionMs,
    confirmReplicated: createConfirmReplicated(redis, config.redisWaitReplicas),
  });
  const callbacks = createCallbackStore({ redis, runScript, keys, retentionMs });
  const troubles = createTroubleBoard({ redis, keys });
  return {
    runScript,
    policy,
    queues,
    errands,
    endpoints,
    store,
    callbacks,
    troubles,
    verifications: createVerifications({ store, errands, metrics }),
    endpointEvents: createEndpointEvents({ endpoints, callbacks, errands, clock, random }),
    health: createHealth({ redis, troubles, monotonicNow: () => performance.now() }),
  };
}
