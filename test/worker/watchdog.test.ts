import { EventEmitter } from 'node:events';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createQueues, QUEUE_NAMES } from '../../src/shared/queues.ts';
import { createWatchdog } from '../../src/worker/watchdog.ts';
import { ownDatabase } from '../fixtures.ts';

/** Real queues that nobody serves, and a watchdog whose minutes pass at will. */
async function createBench() {
  const redis = new Redis(await ownDatabase(), { maxRetriesPerRequest: null });
  const queues = createQueues(redis, '{watchdog:0}');
  const workers = QUEUE_NAMES.map((name) => Object.assign(new EventEmitter(), { name }));
  let now = 0;
  const watchdog = createWatchdog({ queues, workers, monotonicNow: () => now });
  return {
    queues,
    worker: (name: string) => workers.find((worker) => worker.name === name) as EventEmitter,
    check: watchdog.check,
    stillMs: watchdog.stillMs,
    pass(ms: number) {
      now += ms;
    },
    /** What is found now, and after another minute. */
    async afterAMinute() {
      const first = await watchdog.check();
      now += 60_000;
      return [first, await watchdog.check()];
    },
    async close() {
      await Promise.all(Object.values(queues).map((queue) => queue.close()));
      redis.disconnect();
    },
  };
}

let bench: Awaited<ReturnType<typeof createBench>>;
beforeEach(async () => {
  bench = await createBench();
});
afterEach(() => bench.close());

it('finds the queue whose next job has not been taken for a minute', async () => {
  await bench.queues.call.add('attempt', {}, { priority: 7 });
  expect(await bench.afterAMinute()).toEqual([undefined, 'call']);
});

it('tells how long a queue has been seen to stand still, before that is too long', async () => {
  await bench.queues.sms.add('attempt', {}, { priority: 7 });
  await bench.check();
  bench.pass(30_000);
  await bench.check();
  bench.pass(9_000); // nobody has looked since
  expect([bench.stillMs('sms'), bench.stillMs('call')]).toEqual([30_000, 0]);
  bench.worker('sms').emit('active');
  expect(bench.stillMs('sms')).toBe(0);
});

it('finds nothing while another worker takes the jobs', async () => {
  const first = await bench.queues.callbacks.add('event', {});
  await bench.queues.callbacks.add('event', {});
  await bench.check();
  await first.remove(); // as it is taken
  expect(await bench.afterAMinute()).toEqual([undefined, 'callbacks']); // a minute since the last move, not the first
});

it('finds nothing while this worker does anything for the queue', async () => {
  await bench.queues.sms.add('attempt', {}, { priority: 7 });
  await bench.check();
  bench.pass(60_000);
  bench.worker('sms').emit('active');
  expect(await bench.check()).toBeUndefined();
  bench.worker('callbacks').emit('completed');
  bench.pass(60_000);
  expect(await bench.check()).toBe('sms');
});

it('finds nothing in a queue that rests', async () => {
  await bench.queues.sms.add('attempt', {}, { priority: 7 });
  await bench.queues.sms.pause();
  await bench.queues.call.add('attempt', {}, { priority: 7 });
  await bench.queues.call.setGlobalRateLimit(1, 1_000);
  await bench.queues.call.rateLimit(100_000);
  await bench.queues.verifications.add('verification', {}, { delay: 100_000 });
  expect(await bench.afterAMinute()).toEqual([undefined, undefined]);
});
