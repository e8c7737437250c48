import { type Job, MetricsTime, type Processor, RateLimitError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Channel } from '../shared/channel.ts';
import type { Clock } from '../shared/clock.ts';
import type { Erasures } from '../shared/erasures.ts';
import type { RandomHex } from '../shared/ids.ts';
import type { Metrics } from '../shared/metrics.ts';
import type { Partition } from '../shared/partitioned.ts';
import { KEEP_FINISHED, QUEUE_NAMES, type QueueName } from '../shared/queues.ts';
import type { Tracing } from '../shared/tracing.ts';
import type { ChannelRate } from './channel-rate.ts';
import { createReconciler } from './reconcile.ts';
import { storedBackoff } from './retry-later.ts';
import { traceJobs } from './trace-job.ts';
import { createWatchdog } from './watchdog.ts';

interface Deps {
  partition: Partition;
  /** Given to one partition only. */
  erasures: Erasures | undefined;
  redis: Redis;
  /** What the jobs of each queue are for, and how many run at a time here. */
  processors: Record<QueueName, { process: Processor; concurrency: number }>;
  rate: ChannelRate;
  lockDurationMs: number;
  clock: Clock;
  monotonicNow: () => number;
  metrics: Metrics;
  tracing: Tracing;
  log: Logger;
  randomHex: RandomHex;
  onWedged: (queue: QueueName) => void;
}

export interface ServedPartition {
  /** How long jobs that may run have waited in a queue while nothing moved, ms. */
  stillMs(queue: QueueName): number;
  close(): Promise<void>;
}

/** Serves the queues of one partition, and reconciles its records. */
export async function servePartition(deps: Deps): Promise<ServedPartition> {
  const { partition, redis, processors, rate, lockDurationMs, metrics, log } = deps;
  const { keys, queues } = partition;

  /** One run for each turn that the channel has over all partitions. */
  const inTurn =
    (channel: Channel, process: Processor): Processor =>
    async (job: Job, token, signal) => {
      const waitMs = await rate.takeTurn(channel);
      if (waitMs > 0) {
        await queues[channel].rateLimit(waitMs);
        throw new RateLimitError(); // the job keeps its place
      }
      return process(job, token, signal);
    };

  const workers = QUEUE_NAMES.map((name) => {
    const process = traceJobs(name, processors[name].process, deps.tracing);
    const worker = new Worker(name, name === 'sms' || name === 'call' ? inTurn(name, process) : process, {
      prefix: keys.queuePrefix,
      connection: redis,
      concurrency: processors[name].concurrency,
      lockDuration: lockDurationMs,
      stalledInterval: Math.max(1_000, Math.round(lockDurationMs / 4)),
      maxStalledCount: 10,
      ...KEEP_FINISHED,
      settings: { backoffStrategy: storedBackoff },
      metrics: { maxDataPoints: MetricsTime.ONE_HOUR }, // without it BullMQ counts nothing
    });
    const queue = { queue: name, partition: partition.name };
    worker.on('error', (error) => log.warn({ ...queue, reason: error.message }, 'queue error'));
    worker.on('stalled', (job) => log.warn({ ...queue, job }, 'a job stalled and is run again'));
    return worker;
  });
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));

  const reconciler = createReconciler({
    ...partition,
    erasures: deps.erasures,
    redis,
    clock: deps.clock,
    metrics,
    log,
    randomHex: deps.randomHex,
    keepRateLimits: rate.keep,
  });
  reconciler.start();
  const watchdog = createWatchdog({
    queues,
    workers,
    monotonicNow: deps.monotonicNow,
    onLook: (queue, stillMs) => metrics.queueStill.set({ queue, partition: partition.name }, stillMs / 1000),
  });
  watchdog.start(deps.onWedged);

  return {
    stillMs: watchdog.stillMs,
    async close() {
      watchdog.stop();
      await Promise.all([reconciler.stop(), ...workers.map((worker) => worker.close())]);
    },
  };
}
