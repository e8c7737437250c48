import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createErasures } from '../../src/shared/erasures.ts';
import { createErrands } from '../../src/shared/errands.ts';
import type { VerificationId } from '../../src/shared/ids.ts';
import { createMetrics } from '../../src/shared/metrics.ts';
import { ROOT_PARTITION } from '../../src/shared/partitions.ts';
import { createQueues, type Queues } from '../../src/shared/queues.ts';
import type { RunScript } from '../../src/shared/redis-scripts.ts';
import { RETENTION_MS, SECOND, useStorage } from '../store-model/storage.ts';

const storage = useStorage({ emptied: true });
let queues: Queues;
beforeAll(() => {
  queues = createQueues(storage.redis, storage.keys.queuePrefix);
});
afterAll(() => Promise.all(Object.values(queues).map((queue) => queue.close())));

/** What the API and the worker have, on scripts that a test may break. */
function erasuresOn(runScript: RunScript = storage.runScript) {
  const { redis, keys, clock, random, callbacks } = storage;
  const errands = createErrands({ queues, clock, log: pino({ level: 'silent' }) });
  const metrics = createMetrics('worker', ['US']);
  const store = storage.storeOn({ runScript });
  const partitions = [{ name: ROOT_PARTITION, keys, store, callbacks, errands }];
  return createErasures({ redis, runScript, keys, clock, random, partitions, metrics, retentionMs: RETENTION_MS });
}

/** Stores so many canceled verifications of a number, the last one open, and each with its callbacks. */
async function submitMany(owner: string, numberHash: string, count: number) {
  const ids = [];
  for (let i = 0; i < count; i++) {
    const { id } = await storage.submit({ owner, numberHash });
    if (i < count - 1) await storage.store.update(id, { type: 'canceled', reason: 'canceled' });
    ids.push(id);
    storage.clock.advance(1);
  }
  return ids;
}

const keysWith = async (text: string) => (await storage.redis.keys('*')).filter((key) => key.includes(text));

describe('an erasure of many verifications', () => {
  it('is done in several passes, the open one first, and counts each once', async () => {
    const hash = 'aa-many';
    const ids = await submitMany('acme', hash, 230);
    const erasures = erasuresOn();
    const id = await erasures.begin('acme', hash);

    await erasures.carryOn(id, 50);
    expect(await storage.store.read(ids[229] as VerificationId)).toBeUndefined();
    expect(await erasures.read(id)).toMatchObject({
      completedAt: null,
      numberHash: hash,
      erased: { verifications: 50 },
    });
    expect(await erasures.pending(10)).toEqual([id]);

    await erasures.carryOn(id);
    // the open one was canceled by the erasure, the others long before it
    expect(await erasures.read(id)).toMatchObject({
      numberHash: null,
      completedAt: storage.clock.now(),
      erased: { verifications: 230, canceled: 1, callbacks: 230 },
    });
    expect(await erasures.pending(10)).toEqual([]);
    expect(await keysWith(hash)).toEqual([]);
    for (const verification of ids) expect(await keysWith(verification)).toEqual([]);
    expect(await keysWith(':callback:')).toEqual([]);
    expect(await storage.redis.zcard(storage.keys.dueCallbacks)).toBe(0);
    expect(await storage.redis.zcard(storage.keys.due)).toBe(0);
    expect(await storage.redis.pexpiretime(storage.keys.erasure(id))).toBeGreaterThan(storage.clock.now());
  });

  it('goes on after a crash at any step, with the same count', async () => {
    const crash = new Error('the process died');
    for (let steps = 0; ; steps++) {
      const owner = `crash-${steps}`;
      const ids = await submitMany(owner, 'bb', 3);
      let left = steps;
      const dying: RunScript = async (...call) => {
        if (left === 0) throw crash;
        left -= 1;
        const reply = await storage.runScript(...call);
        if (left === 0) throw crash; // it was done, and nobody heard of it
        return reply;
      };
      const id = await erasuresOn().begin(owner, 'bb');
      const outcome = await erasuresOn(dying)
        .carryOn(id)
        .catch((error: unknown) => error);

      await erasuresOn().carryOn(id);

      expect((await erasuresOn().read(id))?.erased).toMatchObject({ verifications: 3, canceled: 1, callbacks: 3 });
      for (const verification of ids) expect(await keysWith(verification)).toEqual([]);
      if (outcome === undefined) return;
      expect(outcome).toBe(crash);
      expect(steps).toBeLessThan(20);
    }
  });

  it('counts nothing twice when its commands are sent twice', async () => {
    await submitMany('twice', 'cc', 3);
    const twice: RunScript = async (...call) => {
      await storage.runScript(...call);
      return storage.runScript(...call);
    };
    const erasures = erasuresOn(twice);
    const id = await erasures.begin('twice', 'cc');
    await erasures.carryOn(id);

    expect(await erasures.read(id)).toMatchObject({ erased: { verifications: 3, canceled: 1, callbacks: 3 } });
  });

  it('leaves alone what was submitted after it was asked for', async () => {
    const [old] = await submitMany('later', 'dd', 1);
    const erasures = erasuresOn();
    const id = await erasures.begin('later', 'dd');
    storage.clock.advance(SECOND);
    await storage.store.update(old as VerificationId, { type: 'canceled', reason: 'replaced' });
    const [later] = await submitMany('later', 'dd', 1);

    await erasures.carryOn(id);

    expect((await erasures.read(id))?.erased.verifications).toBe(1);
    expect((await storage.store.read(later as VerificationId))?.verification.status).toBe('queued');
    expect(await storage.redis.get(storage.keys.active('later', 'dd'))).toBe(later);
  });

  it('takes what has vanished from the lists', async () => {
    const [vanished] = await submitMany('gone', 'ee', 1);
    await storage.redis.del(storage.keys.verification(vanished as VerificationId));
    const erasures = erasuresOn();
    const id = await erasures.begin('gone', 'ee');

    await erasures.carryOn(id);

    expect(await erasures.read(id)).toMatchObject({ numberHash: null, erased: { verifications: 0 } });
    expect(await storage.redis.zcard(storage.keys.verificationsOf('gone'))).toBe(0);
  });
});
