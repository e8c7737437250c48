import { describe, expect, it } from 'vitest';
import { createCallbackStore } from '../../src/shared/callback-store.ts';
import type { CallbackId } from '../../src/shared/ids.ts';
import type { RunScript } from '../../src/shared/redis-scripts.ts';
import { NO_REPLICAS, SECOND, START, useStorage } from '../store-model/storage.ts';

const storage = useStorage();

/** The stored callback of a verification that was canceled at once. */
async function owedCallback() {
  const v = await storage.submit();
  await storage.store.update(v.id, { type: 'canceled', reason: 'canceled' });
  const [id] = await storage.callbacks.ofVerification(v.id);
  const stored = id && (await storage.callbacks.read(id));
  if (!stored) throw new Error('no callback was stored');
  return stored;
}
const dueOf = (id: CallbackId) => storage.redis.zscore(storage.keys.dueCallbacks, id);

describe('a stored callback', () => {
  it('is read as it was stored, with its exact bytes', async () => {
    const { version, callback, body } = await owedCallback();

    expect(version).toBe('1');
    expect(callback).toMatchObject({ schema: 1, type: 'verification.canceled', sequence: 1, status: 'pending' });
    expect(JSON.parse(body)).toMatchObject({ type: 'verification.canceled', data: { sequence: 1 } });
  });

  it('changes with its place in the index, never its bytes', async () => {
    const stored = await owedCallback();
    const after = { ...stored.callback, nextAt: START + 5 * SECOND + 0.5 };

    expect(await storage.callbacks.save(stored, after)).toBe(true);

    expect(await storage.callbacks.read(after.id)).toEqual({
      version: expect.stringMatching(/^2 /),
      callback: after,
      body: stored.body,
    });
    expect(await dueOf(after.id)).toBe(String(START + 5 * SECOND));
  });

  it('leaves the index when nothing is left to do', async () => {
    const stored = await owedCallback();

    await storage.callbacks.save(stored, { ...stored.callback, status: 'delivered', nextAt: null });

    expect(await dueOf(stored.callback.id)).toBeNull();
  });

  it('is not overwritten by one who read an older state', async () => {
    const stored = await owedCallback();
    await storage.callbacks.save(stored, { ...stored.callback, status: 'gone', nextAt: null });

    expect(await storage.callbacks.save(stored, { ...stored.callback, nextAt: START })).toBe(false);
    expect((await storage.callbacks.read(stored.callback.id))?.callback.status).toBe('gone');
    expect(await dueOf(stored.callback.id)).toBeNull();
  });

  it('takes a write that is sent twice for stored, so that no delivery is counted twice', async () => {
    const stored = await owedCallback();
    const twice: RunScript = async (...write) => {
      await storage.runScript(...write);
      return storage.runScript(...write);
    };
    const { redis, keys } = storage;

    const saved = await createCallbackStore({
      redis,
      keys,
      runScript: twice,
      retentionMs: 1_000,
      ...NO_REPLICAS,
    }).save(stored, stored.callback);

    expect(saved).toBe(true);
    expect((await storage.callbacks.read(stored.callback.id))?.version).toMatch(/^2 /);
  });

  it('tells two writers apart that happen to write the same', async () => {
    const stored = await owedCallback();
    const { redis, keys, runScript } = storage;
    const store = createCallbackStore({ redis, keys, runScript, retentionMs: 1_000, ...NO_REPLICAS });

    expect(await store.save(stored, stored.callback)).toBe(true);
    expect(await store.save(stored, stored.callback)).toBe(false);
  });

  it('cannot be changed once it has vanished', async () => {
    const stored = await owedCallback();
    await storage.redis.del(storage.keys.callback(stored.callback.id));

    expect(await storage.callbacks.save(stored, { ...stored.callback, nextAt: START })).toBe(false);
    expect(await storage.redis.exists(storage.keys.callback(stored.callback.id))).toBe(0);
  });
});

describe('the index of undelivered callbacks', () => {
  it('gives what is overdue, the most overdue first, no more than asked for', async () => {
    const { redis, keys, callbacks } = storage;
    await redis.del(keys.dueCallbacks);
    await redis.zadd(keys.dueCallbacks, 30, 'c', 10, 'a', 20, 'b', 31, 'd');

    expect(await callbacks.overdue(30, 10)).toEqual(['a', 'b', 'c']);
    expect(await callbacks.overdue(30, 2)).toEqual(['a', 'b']);
  });

  it('puts off the look at one that is in order, unless it changed meanwhile', async () => {
    const stored = await owedCallback();
    await storage.callbacks.lookAgain(stored.callback.id, stored, START + 10 * SECOND + 0.5);
    expect(await dueOf(stored.callback.id)).toBe(String(START + 10 * SECOND));

    await storage.callbacks.save(stored, { ...stored.callback, nextAt: START + SECOND });
    await storage.callbacks.lookAgain(stored.callback.id, stored, START + 20 * SECOND);
    expect(await dueOf(stored.callback.id)).toBe(String(START + SECOND));
  });

  it('loses one whose record is gone', async () => {
    await storage.redis.zadd(storage.keys.dueCallbacks, 1, 'cb_gone');

    await storage.callbacks.lookAgain('cb_gone', undefined, 0);

    expect(await dueOf('cb_gone')).toBeNull();
  });
});
