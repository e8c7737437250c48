import { type Processor, Worker } from 'bullmq';
import type { Logger } from 'pino';
import { createCallbackAgent, createNetworkPolicy } from '../shared/callback-target.ts';
import { CHANNELS, type Channel } from '../shared/channel.ts';
import type { Clock } from '../shared/clock.ts';
import type { Config } from '../shared/config.ts';
import { randomHex } from '../shared/ids.ts';
import { createKeys } from '../shared/keys.ts';
import { createMetrics } from '../shared/metrics.ts';
import { startOperationsServer } from '../shared/operations-server.ts';
import { QUEUE_NAMES, type QueueName } from '../shared/queues.ts';
import { connectForWork, disconnect } from '../shared/redis.ts';
import { createRedisClock } from '../shared/redis-clock.ts';
import { within } from '../shared/shutdown.ts';
import { createSignalWireClient } from '../shared/signalwire-client.ts';
import { createStorage } from '../shared/storage.ts';
import { createTestNumbers } from '../shared/test-numbers.ts';
import { USER_AGENT } from '../shared/version.ts';
import { createCallbackRequest } from './callback-request.ts';
import { createCircuit } from './circuit.ts';
import { createDeliverCallback } from './deliver-callback.ts';
import { createHeldBack } from './held-back.ts';
import { createPauseChannel } from './pause-channel.ts';
import { createReconciler } from './reconcile.ts';
import { storedBackoff } from './retry-later.ts';
import { createSendAttempt } from './send-attempt.ts';
import { createTargetSlots } from './target-slots.ts';
import { createWakeVerification } from './wake-verification.ts';
import { createWatchdog } from './watchdog.ts';

/** Alarms are short and only ask Redis. */
const ALARM_CONCURRENCY = 50;
/** A rate of 0 is no limit; but only a queue that has some limit can be paused for all workers by a 429. */
const NO_LIMIT = 1_000_000;
/** Running tries end within their own timeout; what is left after this is taken up by another worker. */
const DRAIN_LIMIT_MS = 17_000;

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
  const metrics = createMetrics('worker');
  const storage = createStorage({ redis, keys, clock, config, metrics, log });
  const { runScript, queues, errands, endpoints, endpointEvents, store, callbacks, verifications, troubles, health } =
    storage;
  const monotonicNow = () => performance.now();
  const signalwire = createSignalWireClient({
    ...config.signalwire,
    timeoutMs: config.sending.timeoutMs,
    clock,
    connections: config.channels.sms.concurrency + config.channels.call.concurrency,
  });
  const agent = createCallbackAgent(createNetworkPolicy(config.callbacks.allowNetworks));
  const circuit = (channel: Channel) =>
    createCircuit({ channel, minTries: config.sending.breakerMinTries, troubles, clock, monotonicNow, metrics, log });
  const sendAttempt = createSendAttempt({
    verifications,
    signalwire,
    testNumbers: createTestNumbers(config.testNumbers, clock),
    circuits: { sms: circuit('sms'), call: circuit('call') },
    heldBack: {
      sms: createHeldBack(config.channels.sms.ratePerSecond, monotonicNow),
      call: createHeldBack(config.channels.call.ratePerSecond, monotonicNow),
    },
    pauseChannel: createPauseChannel({ queues, runScript, keys, clock, metrics, log }),
    troubles,
    clock,
    monotonicNow,
    metrics,
    log,
    randomHex,
    random: Math.random,
  });
  const processors: Record<QueueName, { process: Processor; concurrency: number }> = {
    verifications: { process: createWakeVerification({ verifications, clock }), concurrency: ALARM_CONCURRENCY },
    sms: { process: sendAttempt, concurrency: config.channels.sms.concurrency },
    call: { process: sendAttempt, concurrency: config.channels.call.concurrency },
    callbacks: {
      process: createDeliverCallback({
        callbacks,
        endpoints,
        endpointEvents,
        tellInLog: errands.tellInLog,
        slots: createTargetSlots(),
        post: createCallbackRequest({ agent, clock, secrets: config.callbacks.secrets, userAgent: USER_AGENT }),
        clock,
        metrics,
        log,
        retryScheduleMs: config.callbacks.retryScheduleMs,
        random: Math.random,
      }),
      concurrency: config.callbacks.concurrency,
    },
  };

  const setRateLimit = (channel: Channel) =>
    queues[channel].setGlobalRateLimit(...rateLimit(config.channels[channel].ratePerSecond));
  for (const channel of CHANNELS) await setRateLimit(channel);
  /** Obliterating a queue takes its limit with it, and without one a 429 pauses no worker. */
  async function keepRateLimits(): Promise<void> {
    for (const channel of CHANNELS) {
      if ((await queues[channel].getGlobalRateLimit()) !== null) continue;
      await setRateLimit(channel);
      log.warn({ channel }, 'the rate limit of a channel was gone and has been set again');
    }
  }

  const workers = QUEUE_NAMES.map((name) => {
    const { process, concurrency } = processors[name];
    const worker = new Worker(name, process, {
      prefix: keys.queuePrefix,
      connection: redis,
      concurrency,
      lockDuration: config.lockDurationMs,
      stalledInterval: Math.max(1_000, Math.round(config.lockDurationMs / 4)),
      maxStalledCount: 10,
      settings: { backoffStrategy: storedBackoff },
    });
    worker.on('error', (error) => log.warn({ queue: name, reason: error.message }, 'queue error'));
    worker.on('stalled', (job) => log.warn({ queue: name, job }, 'a job stalled and is run again'));
    return worker;
  });
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));

  const reconciler = createReconciler({
    redis,
    keys,
    store,
    callbacks,
    verifications,
    errands,
    clock,
    metrics,
    log,
    randomHex,
    keepRateLimits,
  });
  reconciler.start();
  const watchdog = createWatchdog({ queues, workers, monotonicNow });
  watchdog.start(given.onWedged ?? (() => {}));
  const operations =
    config.metricsPort === undefined
      ? undefined
      : await startOperationsServer({ health, metrics }, config.host, config.metricsPort);
  log.info({ queues: QUEUE_NAMES, metricsPort: operations?.port }, 'worker is ready');

  return {
    metricsPort: operations?.port,
    async close() {
      health.shutDown();
      watchdog.stop();
      // close() waits for running jobs, and for ever when Redis is away
      await within(DRAIN_LIMIT_MS, Promise.all([reconciler.stop(), ...workers.map((worker) => worker.close())]));
      await within(
        1_000,
        Promise.all([...Object.values(queues).map((queue) => queue.close()), signalwire.close(), agent.destroy()]),
      );
      redisClock.stop();
      disconnect(redis);
      await operations?.close();
    },
  };
}

/** A channel's rate as BullMQ counts it: so many in a window of so many milliseconds. */
function rateLimit(perSecond: number): [max: number, windowMs: number] {
  if (perSecond === 0) return [NO_LIMIT, 1_000];
  return perSecond >= 1
    ? [Math.floor(perSecond), Math.floor((1_000 * Math.floor(perSecond)) / perSecond)]
    : [1, Math.ceil(1_000 / perSecond)];
}
