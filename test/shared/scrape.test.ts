import { describe, expect, it, onTestFinished } from 'vitest';
import { createMetrics } from '../../src/shared/metrics.ts';
import { createQueues } from '../../src/shared/queues.ts';
import { createScrape } from '../../src/shared/scrape.ts';
import { openStorage, POLICY, SECOND } from '../store-model/storage.ts';

/** Two partitions on one Redis; only the first has verifications. */
async function createBench(timeLimitMs?: number) {
  const storage = await openStorage();
  const { redis, clock, store, callbacks, keys } = storage;
  const queues = [createQueues(redis, keys.queuePrefix), createQueues(redis, '{other:80}')] as const;
  onTestFinished(async () => {
    await Promise.all(queues.flatMap((each) => Object.values(each).map((queue) => queue.close())));
    await storage.close();
  });
  const connection = { status: 'ready' as typeof redis.status };
  const scrape = createScrape({
    metrics: createMetrics('worker', ['US']),
    redis: connection,
    partitions: [
      { name: '0', queues: queues[0], store, callbacks },
      { name: '80', queues: queues[1], store, callbacks },
    ],
    policy: POLICY,
    clock,
    clockSkewMs: () => 1_500,
    ...(timeLimitMs !== undefined && { timeLimitMs }),
  });
  const value = (text: string, series: string) =>
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.split(' ')
      .at(-1);
  return { ...storage, queues, connection, scrape, value };
}

describe('what is told when somebody asks for the metrics', () => {
  it('are the jobs of all partitions together, and how long the next one has been due by its record', async () => {
    const { scrape, value, queues, store, opening, clock } = await createBench();
    const creation = await store.create(opening(), clock.now());
    if (creation.kind !== 'created') throw new Error('it is not created');
    const { id, attempts } = creation.change.after;
    const data = { verification_id: id, attempt_id: attempts[0]?.id, channel: 'sms', to: '+1••••••••23' };
    await queues[0].sms.add('attempt', data, { priority: 7 });
    await queues[1].sms.add('attempt', {});
    await queues[1].sms.add('attempt', {}, { delay: 60 * SECOND });
    clock.advance(9 * SECOND);

    const text = await scrape();

    expect(value(text, 'ringback_queue_jobs{queue="sms",state="waiting",process="worker"}')).toBe('2');
    expect(value(text, 'ringback_queue_jobs{queue="sms",state="delayed",process="worker"}')).toBe('1');
    expect(value(text, 'ringback_queue_oldest_waiting_seconds{queue="sms",process="worker"}')).toBe('9');
    expect(value(text, 'ringback_queue_oldest_waiting_seconds{queue="call",process="worker"}')).toBe('0');
    expect(value(text, 'ringback_redis_clock_skew_seconds{process="worker"}')).toBe('1.5');
    expect(value(text, 'ringback_redis_up{process="worker"}')).toBe('1');
    expect(text).toContain('bullmq_job_count{queue="sms", state="waiting", partition="80"} 1');
  });

  it('are what BullMQ counts, each metric under one heading', async () => {
    const { scrape } = await createBench();

    const lines = (await scrape()).split('\n').filter((line) => line.includes('bullmq_job_completed_total'));

    expect(lines.slice(0, 2).map((line) => line.slice(0, 6))).toEqual(['# HELP', '# TYPE']);
    expect(lines).toHaveLength(2 + 2 * 4);
  });

  it.each(['away', 'silent'])('are the rest while Redis is %s, and that it is', async (how) => {
    const { scrape, value, connection, queues } = await createBench(500);
    expect(value(await scrape(), 'ringback_redis_up{process="worker"}')).toBe('1');
    if (how === 'away') connection.status = 'reconnecting';
    else queues[0].sms.getJobCounts = () => new Promise(() => {});

    const text = await scrape();

    expect(value(text, 'ringback_redis_up{process="worker"}')).toBe('0');
    expect(text).not.toMatch(/^ringback_queue_(jobs|oldest)/m);
    expect(text).not.toContain('bullmq_');
    expect(text).toContain('process_cpu_seconds_total');
  });
});
