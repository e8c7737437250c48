import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { createCallbackStore } from './callback-store.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { createConversions } from './conversion.ts';
import { createDecisionLog } from './decision-log.ts';
import { createEndpointEvents } from './endpoint-events.ts';
import { createEndpointStore } from './endpoint-store.ts';
import { createErasures } from './erasures.ts';
import { createErrands } from './errands.ts';
import { createHealth } from './health.ts';
import { randomHex } from './ids.ts';
import type { Keys } from './keys.ts';
import type { Metrics } from './metrics.ts';
import { createNotices } from './notices.ts';
import { createNumberCipher } from './number-cipher.ts';
import { createPartitioned, endpointsSeenFrom, type Partition } from './partitioned.ts';
import { type PartitionName, partitionNames, ROOT_PARTITION } from './partitions.ts';
import { policyOf } from './policy.ts';
import { createQueues } from './queues.ts';
import type { RedisClock } from './redis-clock.ts';
import { createRunScript } from './redis-scripts.ts';
import { createConfirmRecord, createConfirmReplicated } from './replication.ts';
import { createScrape } from './scrape.ts';
import { createSpending } from './spending.ts';
import { createTallies } from './tallies.ts';
import { createTestNumbers } from './test-numbers.ts';
import { createTroubleBoard } from './trouble.ts';
import { type Change, createVerificationStore } from './verification-store.ts';
import { createVerifications } from './verifications.ts';

interface Deps {
  redis: Redis;
  keys: Keys;
  clock: Clock;
  /** What Redis's own clock says of this machine's. */
  redisClock: RedisClock;
  config: Config;
  metrics: Metrics;
  log: Logger;
}

/** Wires what both processes keep in Redis: the records, the queues, and what they tell each other. */
export function createStorage({ redis, keys, clock, redisClock, config, metrics, log }: Deps) {
  const runScript = createRunScript(redis);
  const policy = policyOf(config);
  const { retentionMs } = config;
  if (config.encryptionKeys.length === 0) {
    log.warn('ENCRYPTION_KEYS is not set: numbers are stored unencrypted until NUMBER_RETENTION after the end');
  }
  const random = randomHex;
  const names = partitionNames(config.partitions);
  const elsewhere = names.filter((name) => name !== ROOT_PARTITION).map(keys.inPartition);
  const endpoints = createEndpointStore({ redis, runScript, keys, elsewhere });
  const numbers = createNumberCipher(config.encryptionKeys, log);
  const confirmReplicated = createConfirmReplicated(redis, config.redisWaitReplicas);

  const decisions = createDecisionLog({ redis, runScript, keys, clock, retentionMs, log });
  const testNumbers = createTestNumbers(config.testNumbers, clock);
  const conversions = createConversions({ runScript, keys, clock, log });
  const tallies = createTallies({ redis, keys, clock, log });

  function openPartition(name: PartitionName): Partition {
    const own = name === ROOT_PARTITION ? keys : keys.inPartition(name);
    const queues = createQueues(redis, own.queuePrefix);
    const errands = createErrands({ queues, clock, log });
    const confirmRecord = createConfirmRecord({
      runScript,
      mark: own.replicationMark,
      replicas: config.redisWaitReplicas,
      confirmReplicated,
    });
    const store = createVerificationStore({
      redis,
      runScript,
      keys: own,
      clock,
      policy,
      random,
      numbers,
      endpoints:
        name === ROOT_PARTITION
          ? endpoints
          : endpointsSeenFrom(own, endpoints, (key, version) => redis.set(key, version)),
      callbackUrl: config.callbacks.url,
      retentionMs,
      confirmReplicated,
      confirmRecord,
    });
    const callbacks = createCallbackStore({ redis, runScript, keys: own, retentionMs, confirmRecord });
    const onChange = async (change: Change) => {
      tallies.countChange(change);
      await Promise.all([spending.book(change), conversions.count(change)]);
    };
    const verifications = createVerifications({ store, errands, metrics, log, onChange });
    return { name, keys: own, queues, errands, store, callbacks, verifications };
  }

  const { partitions, verifications, store, callbacks, errands, findJob } = createPartitioned(
    names.map(openPartition),
    config.partitionsFilled,
  );
  const notices = createNotices({ endpoints, callbacks, errands, clock, random });
  const spendingDeps = { redis, runScript, keys, testNumbers, decisions, notices, metrics, log };
  const spending = createSpending({ ...spendingDeps, config: config.spending });
  const troubles = createTroubleBoard({ redis, keys });
  return {
    runScript,
    policy,
    partitions,
    findJob,
    errands,
    endpoints,
    store,
    callbacks,
    troubles,
    tallies,
    verifications,
    decisions,
    testNumbers,
    spending,
    conversions,
    async close() {
      await verifications.settled();
      await Promise.all([
        tallies.close(),
        ...partitions.flatMap(({ queues }) => Object.values(queues).map((queue) => queue.close())),
      ]);
    },
    erasures: createErasures({ redis, runScript, keys, clock, random, partitions, metrics, retentionMs }),
    endpointEvents: createEndpointEvents({ endpoints, notices, clock }),
    scrape: createScrape({ metrics, redis, partitions, policy, clock, clockSkewMs: redisClock.skewMs }),
    health: createHealth({ redis, troubles, monotonicNow: () => performance.now() }),
  };
}
