import { pino } from 'pino';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createErrands } from '../../src/shared/errands.ts';
import { createMetrics } from '../../src/shared/metrics.ts';
import { createQueues } from '../../src/shared/queues.ts';
import type { Verification } from '../../src/shared/verification.ts';
import { LOOK_FOR_JOB_MS } from '../../src/shared/verification-store.ts';
import { createVerifications } from '../../src/shared/verifications.ts';
import { createReconciler } from '../../src/worker/reconcile.ts';
import { type Draft, MINUTE, openStorage, SECOND } from '../store-model/storage.ts';

type Bench = Awaited<ReturnType<typeof openBench>>;
let bench: Bench;
beforeEach(async () => {
  await bench?.close();
  bench = await openBench();
});
afterAll(() => bench.close());

/** A reconciler and all it works on; nothing runs but what the test starts. */
async function openBench() {
  const storage = await openStorage();
  const { redis, keys, clock, store, callbacks } = storage;
  const logged: string[] = [];
  const log = pino({}, { write: (line: string) => logged.push(line) });
  const queues = createQueues(redis, keys.queuePrefix);
  const errands = createErrands({ queues, clock, log });
  const metrics = createMetrics('worker', ['US']);
  const verifications = createVerifications({ store, errands, metrics, log, onChange: async () => {} });
  const deps = {
    redis,
    keys,
    store,
    callbacks,
    verifications,
    erasures: { pending: async () => [] } as never,
    errands,
    clock,
    metrics,
    log,
    randomHex: storage.random,
    keepRateLimits: async () => {},
  };
  return {
    ...storage,
    deps,
    queues,
    logged,
    verifications,
    reconciler: createReconciler(deps),

    async create(options: Draft = {}): Promise<Verification> {
      const creation = await verifications.create(storage.opening(options), clock.now());
      if (creation.kind !== 'created') throw new Error('it is not created');
      return creation.change.after;
    },

    async repairs(): Promise<Record<string, number>> {
      const { values } = await metrics.repairs.get();
      return Object.fromEntries(values.flatMap(({ labels, value }) => (value > 0 ? [[labels.kind, value]] : [])));
    },

    dueOf: async (index: string, id: string) => {
      const score = await redis.zscore(index, id);
      return score === null ? null : Number(score);
    },

    async close() {
      await Promise.all(Object.values(queues).map((queue) => queue.close()));
      storage.close();
    },
  };
}

describe('one pass of the reconciler', () => {
  it('leaves alone what is not overdue by more than its alarm needs', async () => {
    const v = await bench.create();
    await bench.queues.sms.obliterate({ force: true });
    bench.clock.advance(LOOK_FOR_JOB_MS + 999);

    await bench.reconciler.runOnce();
    expect(await bench.queues.sms.count()).toBe(0);

    bench.clock.advance(1);
    await bench.reconciler.runOnce();
    expect((await bench.queues.sms.getJobs()).map((job) => job.id)).toEqual([v.attempts[0]?.id]);
    expect(await bench.repairs()).toEqual({ verification_job: 1 });
  });

  it('looks again later at one that is in order, and repairs nothing', async () => {
    const v = await bench.create();
    bench.clock.advance(LOOK_FOR_JOB_MS + SECOND);

    await bench.reconciler.runOnce();

    expect(await bench.dueOf(bench.keys.due, v.id)).toBe(bench.clock.now() + LOOK_FOR_JOB_MS);
    expect(await bench.repairs()).toEqual({});
  });

  it('looks again no later than at the next deadline', async () => {
    const v = await bench.create({ expiresInMs: MINUTE });
    bench.clock.advance(25 * SECOND);

    await bench.reconciler.runOnce();

    expect(await bench.dueOf(bench.keys.due, v.id)).toBe(v.expiresAt - 30 * SECOND + 1);
  });

  it('lets time do its work: expiry, then the mask, then it is due no more', async () => {
    const v = await bench.create({ expiresInMs: MINUTE });
    bench.clock.advance(MINUTE + SECOND);
    await bench.reconciler.runOnce();
    const closed = (await bench.store.read(v.id))?.verification;
    expect(closed).toMatchObject({ status: 'failed', closedAt: v.expiresAt, to: v.to });
    expect(await bench.dueOf(bench.keys.due, v.id)).toBe(v.expiresAt + bench.policy.numberRetentionMs);

    bench.clock.advance(bench.policy.numberRetentionMs);
    await bench.reconciler.runOnce();
    expect((await bench.store.read(v.id))?.verification.to).toBe(v.masked);
    expect(await bench.dueOf(bench.keys.due, v.id)).toBeNull();
    expect(await bench.repairs()).toEqual({ overdue_verification: 2 });
  });

  it('drops what is gone from both indexes', async () => {
    await bench.redis.zadd(bench.keys.due, 1, `ver_${'0'.repeat(34)}`);
    await bench.redis.zadd(bench.keys.dueCallbacks, 1, `cb_${'0'.repeat(34)}`);

    await bench.reconciler.runOnce();

    expect(await bench.redis.exists(bench.keys.due, bench.keys.dueCallbacks)).toBe(0);
  });

  it('queues a lost callback again after its grace, and looks again later', async () => {
    const v = await bench.create();
    await bench.verifications.update(v.id, { type: 'canceled', reason: 'canceled' });
    await bench.queues.callbacks.obliterate({ force: true });
    const [id = 'cb_'] = await bench.callbacks.ofVerification(v.id);
    bench.clock.advance(5 * SECOND - 1);
    await bench.reconciler.runOnce();
    expect(await bench.queues.callbacks.count()).toBe(0);

    bench.clock.advance(1);
    await bench.reconciler.runOnce();

    expect((await bench.queues.callbacks.getJobs()).map((job) => job.id)).toEqual([id]);
    expect(await bench.dueOf(bench.keys.dueCallbacks, id)).toBe(bench.clock.now() + LOOK_FOR_JOB_MS);
    expect(await bench.repairs()).toEqual({ callback_job: 1 });
  });

  it('sets one aside that it cannot read, and goes on with the others', async () => {
    const broken = await bench.create();
    const fine = await bench.create();
    await bench.redis.set(bench.keys.verification(broken.id), '1 token\n[2]\n');
    await bench.queues.sms.obliterate({ force: true });
    bench.clock.advance(12 * SECOND);

    await bench.reconciler.runOnce();

    expect(await bench.dueOf(bench.keys.due, broken.id)).toBe(bench.clock.now() + MINUTE);
    expect((await bench.queues.sms.getJobs()).map((job) => job.id)).toEqual([fine.attempts[0]?.id]);
    expect(await bench.repairs()).toEqual({ set_aside: 1, verification_job: 1 });
    expect(bench.logged.join()).toContain('set aside');
  });

  it('sets nothing aside because Redis was in trouble, and does it all in the next pass', async () => {
    const [v, other] = [await bench.create(), await bench.create()];
    await bench.queues.sms.obliterate({ force: true });
    bench.clock.advance(LOOK_FOR_JOB_MS + SECOND);
    const trouble = new Error('CLUSTERDOWN The cluster is down');
    const read = vi.spyOn(bench.deps.verifications, 'update').mockRejectedValueOnce(trouble);

    await expect(bench.reconciler.runOnce()).rejects.toBe(trouble);
    read.mockRestore();
    await bench.reconciler.runOnce();
    for (const { attempts } of [v, other]) expect(await bench.queues.sms.getJob(attempts[0]?.id ?? '')).toBeDefined();
  });

  it('ends, and leaves nobody out, with more than one batch overdue', async () => {
    const ids = Array.from({ length: 401 }, (_, n) => `ver_${n.toString(16).padStart(34, '0')}`);
    await bench.redis.zadd(bench.keys.due, ...ids.flatMap((id, n) => [n, id]));

    await bench.reconciler.runOnce();

    expect(await bench.redis.zcard(bench.keys.due)).toBe(0);
  });
});

it('passes by closed ones that are due too early since NUMBER_RETENTION was raised, and comes back in time', async () => {
  const closed = await Promise.all(Array.from({ length: 200 }, () => bench.create())); // a whole batch
  for (const { id } of closed) {
    await bench.verifications.update(id, { type: 'canceled', reason: 'canceled' });
    await bench.redis.zadd(bench.keys.due, bench.clock.now() + SECOND, id); // where the shorter retention had it
  }
  const until = bench.clock.now() + bench.policy.numberRetentionMs;
  bench.clock.advance(MINUTE);

  await bench.reconciler.runOnce();

  for (const { id } of closed) expect(await bench.dueOf(bench.keys.due, id)).toBe(until);
});

describe('the turn of a reconciler', () => {
  it('is taken every two seconds, by one at a time, and passes on by itself', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const v = await bench.create({ expiresInMs: MINUTE });
    bench.clock.advance(2 * MINUTE);
    await bench.redis.set(bench.keys.reconcilerLease, 'another worker');
    bench.reconciler.start();

    await vi.advanceTimersByTimeAsync(2_000);
    await bench.reconciler.stop();
    expect((await bench.store.read(v.id))?.version).toMatch(/^1 /);

    await bench.redis.del(bench.keys.reconcilerLease);
    bench.reconciler.start();
    await vi.advanceTimersByTimeAsync(2_000);
    await bench.reconciler.stop();
    vi.useRealTimers();

    expect((await bench.store.read(v.id))?.verification.status).toBe('failed');
    const lease = await bench.redis.pttl(bench.keys.reconcilerLease);
    expect(lease).toBeGreaterThan(0);
    expect(lease).toBeLessThan(2_000);
  });
});
