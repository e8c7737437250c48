import type { Processor } from 'bullmq';
import type { Logger } from 'pino';
import { createCallbackAgent, createNetworkPolicy } from '../shared/callback-target.ts';
import type { Channel } from '../shared/channel.ts';
import type { Clock } from '../shared/clock.ts';
import type { Config } from '../shared/config.ts';
import { allowedCountries } from '../shared/country-rule.ts';
import { formatSpan } from '../shared/duration.ts';
import { randomHex } from '../shared/ids.ts';
import { createKeys } from '../shared/keys.ts';
import { createMetrics } from '../shared/metrics.ts';
import { startOperationsServer } from '../shared/operations-server.ts';
import { ROOT_PARTITION } from '../shared/partitions.ts';
import { QUEUE_NAMES, type QueueName } from '../shared/queues.ts';
import { connectForWork, disconnect } from '../shared/redis.ts';
import { createRedisClock } from '../shared/redis-clock.ts';
import { within } from '../shared/shutdown.ts';
import { createSignalWireClient } from '../shared/signalwire-client.ts';
import { createStorage } from '../shared/storage.ts';
import { traceSignalWire } from '../shared/trace-signalwire.ts';
import { createTracing } from '../shared/tracing.ts';
import { USER_AGENT } from '../shared/version.ts';
import { createCallbackRequest } from './callback-request.ts';
import { createChannelRate } from './channel-rate.ts';
import { createCircuit } from './circuit.ts';
import { createDeliverCallback } from './deliver-callback.ts';
import { createHeldBack } from './held-back.ts';
import { createPauseChannel } from './pause-channel.ts';
import { createSendAttempt } from './send-attempt.ts';
import { type ServedPartition, servePartition } from './serve-partition.ts';
import { createTargetSlots } from './target-slots.ts';
import { traceCallback } from './trace-callback.ts';
import { createWakeVerification } from './wake-verification.ts';

/** Alarms are short and only ask Redis. */
const ALARM_CONCURRENCY = 50;
/** Running tries end within their own timeout; what is left after this is taken up by another worker. */
const DRAIN_LIMIT_MS = 17_000;

/** Jobs that wait for so long while nothing moves make a worker not ready; see the watchdog. */
const STILL_TOLD_MS = 30_000;

type Processors = Record<QueueName, { process: Processor; concurrency: number }>;

export interface RunningWorker {
  /** Port of `/metrics`, when there is one. */
  metricsPort: number | undefined;
  close(): Promise<void>;
}

/**
 * Wires a worker process together and starts it.
 *
 * @param given - `clock`: one that a test moves. `onWedged` is told of the queue in which jobs wait and nothing has moved
 * for a minute: then only a new process helps.
 */
export async function startWorker(
  config: Config,
  log: Logger,
  given: { clock?: Clock; onWedged?: (queue: QueueName) => void } = {},
): Promise<RunningWorker> {
  const keys = createKeys();
  const redis = connectForWork(config.redisUrl, log);
  const redisClock = createRedisClock({ redis });
  await redisClock.sync();
  const clock = given.clock ?? redisClock;
  const metrics = createMetrics('worker', allowedCountries(config.countries));
  const storage = createStorage({ redis, keys, clock, redisClock, config, metrics, log });
  const {
    runScript,
    partitions,
    errands,
    endpoints,
    endpointEvents,
    callbacks,
    verifications,
    erasures,
    tallies,
    troubles,
    testNumbers,
    health,
  } = storage;
  const monotonicNow = () => performance.now();
  const tracing = await createTracing(config.tracing, 'worker');
  const client = createSignalWireClient({
    ...config.signalwire,
    timeoutMs: config.sending.timeoutMs,
    clock,
    connections: config.channels.sms.concurrency + config.channels.call.concurrency,
  });
  const signalwire = traceSignalWire(client, tracing);
  const agent = createCallbackAgent(createNetworkPolicy(config.callbacks.allowNetworks));
  const circuit = (channel: Channel) =>
    createCircuit({ channel, minTries: config.sending.breakerMinTries, troubles, clock, monotonicNow, metrics, log });
  const rate = createChannelRate({
    queues: partitions.map(({ queues }) => queues),
    runScript,
    keys,
    channels: config.channels,
    log,
  });
  const sendAttempt = createSendAttempt({
    verifications,
    signalwire,
    testNumbers,
    circuits: { sms: circuit('sms'), call: circuit('call') },
    heldBack: {
      sms: createHeldBack(config.channels.sms.ratePerSecond, monotonicNow),
      call: createHeldBack(config.channels.call.ratePerSecond, monotonicNow),
    },
    pauseChannel: createPauseChannel({ rate, runScript, keys, clock, metrics, log }),
    troubles,
    clock,
    monotonicNow,
    metrics,
    tallies,
    log,
    randomHex,
    random: Math.random,
  });
  const processors: Processors = {
    verifications: { process: createWakeVerification({ verifications, clock }), concurrency: ALARM_CONCURRENCY },
    sms: { process: sendAttempt, concurrency: config.channels.sms.concurrency },
    call: { process: sendAttempt, concurrency: config.channels.call.concurrency },
    callbacks: {
      process: createDeliverCallback({
        callbacks,
        endpoints,
        endpointEvents,
        tellInLog: errands.tellInLog,
        slots: createTargetSlots(monotonicNow),
        post: traceCallback(
          createCallbackRequest({ agent, clock, secrets: config.callbacks.secrets, userAgent: USER_AGENT }),
          tracing,
        ),
        clock,
        metrics,
        tallies,
        log,
        retryScheduleMs: config.callbacks.retryScheduleMs,
        random: Math.random,
      }),
      concurrency: config.callbacks.concurrency,
    },
  };

  await rate.set();
  const served = await Promise.all(
    partitions
      .filter(({ name }) => config.workerPartitions?.includes(name) ?? true)
      .map((partition, _i, all) =>
        servePartition({
          partition,
          erasures: partition.name === ROOT_PARTITION ? erasures : undefined,
          redis,
          processors: share(processors, all.length),
          rate,
          lockDurationMs: config.lockDurationMs,
          clock,
          monotonicNow,
          metrics,
          tracing,
          log,
          randomHex,
          onWedged: given.onWedged ?? (() => {}),
        }),
      ),
  );
  health.alsoAsk(() => standsStill(served));
  const operations =
    config.metricsPort === undefined
      ? undefined
      : await startOperationsServer(
          { health, scrape: storage.scrape, contentType: metrics.registry.contentType },
          config.host,
          config.metricsPort,
        );
  log.info({ queues: QUEUE_NAMES, metricsPort: operations?.port }, 'worker is ready');

  return {
    metricsPort: operations?.port,
    async close() {
      health.shutDown();
      // close() waits for running jobs, and for ever when Redis is away
      await within(DRAIN_LIMIT_MS, Promise.all(served.map((partition) => partition.close())));
      await within(1_000, Promise.all([storage.close(), signalwire.close(), agent.destroy(), tracing.close()]));
      redisClock.stop();
      disconnect(redis);
      await operations?.close();
    },
  };
}

/** What is wrong when jobs that may run are left where they are, in words. */
function standsStill(served: readonly ServedPartition[]): string | undefined {
  for (const queue of QUEUE_NAMES) {
    const stillMs = Math.max(0, ...served.map((partition) => partition.stillMs(queue)));
    if (stillMs < STILL_TOLD_MS) continue;
    return `jobs wait in the queue ${queue} and nothing has moved for ${formatSpan(stillMs)}; this worker ends itself after a minute, to be started anew`;
  }
  return undefined;
}

/** Concurrency is for a process: its partitions share it. */
function share(processors: Processors, partitions: number): Processors {
  const parts = Object.entries(processors).map(([name, { process, concurrency }]) => [
    name,
    { process, concurrency: Math.ceil(concurrency / partitions) },
  ]);
  return Object.fromEntries(parts) as Processors;
}
