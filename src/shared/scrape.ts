import type { Redis } from 'ioredis';
import type { Clock } from './clock.ts';
import type { Policy } from './decide.ts';
import type { Metrics } from './metrics.ts';
import { createOldestWaiting } from './oldest-waiting.ts';
import type { Partition } from './partitioned.ts';
import { QUEUE_NAMES, type QueueName } from './queues.ts';

/** Answers with all that is measured, in Prometheus's text format. Never rejects, and never takes long. */
export type Scrape = () => Promise<string>;

interface Deps {
  metrics: Metrics;
  redis: Pick<Redis, 'status'>;
  partitions: readonly Pick<Partition, 'name' | 'queues' | 'store' | 'callbacks'>[];
  policy: Policy;
  clock: Clock;
  /** How far this machine's clock is ahead of Redis's, ms. */
  clockSkewMs: () => number;
  /** What the queues have not told by then is left out. */
  timeLimitMs?: number;
}

/** Prometheus gives up after 10 s, and a Redis that is away is to be seen at once. */
const TIME_LIMIT_MS = 2_000;
const JOB_STATES = ['wait', 'prioritized', 'active', 'delayed', 'failed'] as const;

/** What the queues tell at one moment. */
interface Look {
  jobs: { queue: QueueName; counts: Record<string, number> }[];
  waited: { queue: QueueName; seconds: number }[];
  /** BullMQ's own counters, as texts that name the same metrics. */
  texts: string[];
}

/**
 * Builds what answers `/metrics`. What only Redis knows is asked for when somebody looks; while Redis is away the rest is
 * told all the same, and that it is away.
 */
export function createScrape(deps: Deps): Scrape {
  const { metrics, redis, partitions } = deps;
  const oldestWaiting = createOldestWaiting(deps);
  const { registry, queueJobs, queueOldestWaiting, redisUp, redisClockSkew } = metrics;
  /** The one that is under way: a Redis that never answers is not asked again and again. */
  let looking: Promise<Look | undefined> | undefined;

  async function look(): Promise<Look> {
    const all = partitions.flatMap((partition) => QUEUE_NAMES.map((queue) => ({ partition, queue })));
    const [jobs, waited, texts] = await Promise.all([
      Promise.all(
        all.map(async ({ partition, queue }) => ({
          queue,
          counts: await partition.queues[queue].getJobCounts(...JOB_STATES),
        })),
      ),
      Promise.all(
        all.map(async ({ partition, queue }) => ({ queue, seconds: (await oldestWaiting(partition, queue)) / 1000 })),
      ),
      Promise.all(
        all.map(({ partition, queue }) =>
          partition.queues[queue].exportPrometheusMetrics({ partition: partition.name }),
        ),
      ),
    ]);
    return { jobs, waited, texts };
  }

  async function lookInTime(): Promise<Look | undefined> {
    if (redis.status !== 'ready') return undefined;
    looking ??= look()
      .catch(() => undefined)
      .finally(() => {
        looking = undefined;
      });
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, deps.timeLimitMs ?? TIME_LIMIT_MS, undefined);
    });
    const found = await Promise.race([looking, limit]);
    clearTimeout(timer);
    return found;
  }

  return async function scrape() {
    const found = await lookInTime();
    redisUp.set(found === undefined ? 0 : 1);
    redisClockSkew.set(deps.clockSkewMs() / 1000);
    queueJobs.reset();
    queueOldestWaiting.reset();
    for (const { queue, counts } of found?.jobs ?? []) {
      for (const [state, count] of Object.entries(counts)) {
        // those with a priority wait like the others
        queueJobs.inc({ queue, state: state === 'wait' || state === 'prioritized' ? 'waiting' : state }, count);
      }
    }
    for (const queue of QUEUE_NAMES) {
      const seconds = found?.waited.filter((each) => each.queue === queue).map((each) => each.seconds) ?? [];
      if (seconds.length > 0) queueOldestWaiting.set({ queue }, Math.max(...seconds));
    }
    return `${await registry.metrics()}${joinExpositions(found?.texts ?? [])}`;
  };
}

/** Joins texts that name the same metrics: the format wants each metric's lines together, under one heading. */
function joinExpositions(texts: readonly string[]): string {
  const metrics = new Map<string, Set<string>>();
  for (const line of texts.join('\n').split('\n')) {
    const name = /^(?:# (?:HELP|TYPE) )?(\w+)/.exec(line)?.[1];
    if (name !== undefined) metrics.set(name, (metrics.get(name) ?? new Set()).add(line));
  }
  return [...metrics.values()].flatMap((lines) => [...lines, '']).join('\n');
}
