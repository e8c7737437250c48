import { DelayedError, type Job, UnrecoverableError } from 'bullmq';
import { pino } from 'pino';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Callback } from '../../src/shared/callback.ts';
import type { StoredCallback } from '../../src/shared/callback-store.ts';
import { createMetrics } from '../../src/shared/metrics.ts';
import { NotReplicatedError } from '../../src/shared/replication.ts';
import type { Delivery } from '../../src/worker/callback-request.ts';
import { createDeliverCallback } from '../../src/worker/deliver-callback.ts';
import { RetryLater } from '../../src/worker/retry-later.ts';
import { createTargetSlots } from '../../src/worker/target-slots.ts';
import { HOUR, SECOND, useStorage } from '../store-model/storage.ts';

const storage = useStorage();

const SCHEDULE = [5 * SECOND, 30 * SECOND, 120 * SECOND];
const OK: Delivery = { kind: 'delivered', httpStatus: 204, latencyMs: 7.4 };
const BROKEN: Delivery = { kind: 'failed', httpStatus: 500, detail: 'answered 500', latencyMs: 3 };

/** What BullMQ hands to a processor, as far as it is used, and what the processor did with it. */
function createJob(data: unknown) {
  const asked: { sleepMs?: number; token?: string | undefined } = {};
  const job = {
    data,
    async moveToDelayed(at: number, token?: string) {
      asked.sleepMs = at - Date.now();
      asked.token = token;
    },
  };
  return { job: job as unknown as Job, asked };
}

async function owedCallback(): Promise<Callback> {
  const v = await storage.submit();
  const update = await storage.store.update(v.id, { type: 'canceled', reason: 'canceled' });
  const callback = update?.change?.callbacks[0]?.callback;
  if (!callback) throw new Error('no callback is owed');
  return callback;
}

/** What replicas say; a test may have them say something else. */
let confirm: typeof storage.callbacks.confirm;
beforeEach(() => {
  confirm = storage.callbacks.confirm;
});

/** A processor whose receiver answers in turn with these, and a view of all that came of it. */
function createBench(...answers: (Delivery | (() => Promise<Delivery>))[]) {
  const posted: { url: string; eventId: string; body: string }[] = [];
  const logged: string[] = [];
  const deliver = createDeliverCallback({
    callbacks: { ...storage.callbacks, confirm: (stored) => confirm(stored) },
    endpoints: storage.endpoints,
    endpointEvents: { test: async () => undefined, disable: async () => false },
    tellInLog: async () => {},
    slots: createTargetSlots(() => performance.now()),
    clock: storage.clock,
    metrics: createMetrics('worker', ['US']),
    tallies: { countDelivery() {} },
    log: pino({}, { write: (line: string) => logged.push(line) }),
    retryScheduleMs: SCHEDULE,
    random: () => 0.5, // the middle of the jitter: the schedule itself
    post: async (callback) => {
      posted.push(callback);
      const answer = answers.shift();
      if (!answer) throw new Error('one delivery too many');
      return typeof answer === 'function' ? answer() : answer;
    },
  });
  return {
    posted,
    logged,
    /** One run of the callback's job, as it ended. */
    run: async (
      c: Callback,
      job = createJob({ callback_id: c.id, verification_id: c.verificationId, type: c.type }).job,
    ) => deliver(job, 'token').catch((error: unknown) => error),
  };
}

async function read(c: Callback): Promise<StoredCallback> {
  const stored = await storage.callbacks.read(c.id);
  if (!stored) throw new Error('it is gone');
  return stored;
}
const dueOf = (c: Callback) => storage.redis.zscore(storage.keys.dueCallbacks, c.id);

describe('one run of the callbacks queue', () => {
  it('delivers the stored bytes under the id of the event, and settles it', async () => {
    const c = await owedCallback();
    const { body } = await read(c);
    const { run, posted } = createBench(OK);

    expect(await run(c)).toBe('delivered');

    expect(posted).toEqual([{ url: c.url, eventId: c.eventId, body }]);
    expect(await read(c)).toEqual({
      version: expect.stringMatching(/^2 /),
      body,
      callback: {
        ...c,
        status: 'delivered',
        nextAt: null,
        deliveries: [{ at: storage.clock.now(), httpStatus: 204, detail: 'answered 204', latencyMs: 7 }],
      },
    });
    expect(await dueOf(c)).toBeNull();
  });

  it('asks to be run again when the schedule says, and stores that moment', async () => {
    const c = await owedCallback();
    const { run } = createBench(BROKEN);

    expect(await run(c)).toEqual(new RetryLater('answered 500', 5 * SECOND));

    expect((await read(c)).callback).toMatchObject({ status: 'pending', nextAt: storage.clock.now() + 5 * SECOND });
    expect(await dueOf(c)).toBe(String(storage.clock.now() + 5 * SECOND));
  });

  it('goes through the whole schedule, then keeps it as exhausted', async () => {
    const c = await owedCallback();
    const { run, posted } = createBench(BROKEN, BROKEN, BROKEN, BROKEN);

    for (const delayMs of SCHEDULE) {
      expect(await run(c)).toMatchObject({ name: 'RetryLater', delayMs });
      storage.clock.advance(delayMs);
    }
    expect(await run(c)).toEqual(new UnrecoverableError('exhausted: answered 500'));

    expect(posted).toHaveLength(4);
    expect((await read(c)).callback).toMatchObject({ status: 'exhausted', nextAt: null });
    expect(await dueOf(c)).toBeNull();
    expect(await run(c)).toBe('exhausted');
  });

  it('starts the schedule anew after a replay, and keeps what was delivered before', async () => {
    const c = await owedCallback();
    const exhausting = createBench(BROKEN, BROKEN, BROKEN, BROKEN);
    for (const delayMs of [...SCHEDULE, 0]) {
      await exhausting.run(c);
      storage.clock.advance(delayMs);
    }
    const stored = await read(c);
    const replayed = { status: 'pending', nextAt: storage.clock.now(), scheduleFrom: 4 } as const;
    await storage.callbacks.save(stored, { ...stored.callback, ...replayed });
    const { run, posted } = createBench(BROKEN, OK);

    expect(await run(c)).toMatchObject({ name: 'RetryLater', delayMs: 5 * SECOND });
    storage.clock.advance(5 * SECOND);
    expect(await run(c)).toBe('delivered');

    expect(posted.map(({ body }) => body)).toEqual([stored.body, stored.body]);
    expect((await read(c)).callback.deliveries).toHaveLength(6);
  });

  it('goes on at its place when the job was lost and put back', async () => {
    const c = await owedCallback();
    const before = createBench(BROKEN);
    await before.run(c);
    storage.clock.advance(2 * SECOND);
    const { job, asked } = createJob({ callback_id: c.id, verification_id: c.verificationId, type: c.type });
    const { run, posted } = createBench(BROKEN);

    expect(await run(c, job)).toBeInstanceOf(DelayedError);
    expect(posted).toEqual([]);
    expect(asked.token).toBe('token');
    expect(asked.sleepMs).toBeGreaterThan(2.5 * SECOND);
    expect(asked.sleepMs).toBeLessThanOrEqual(3 * SECOND);

    storage.clock.advance(3 * SECOND);
    expect(await run(c)).toMatchObject({ delayMs: 30 * SECOND });
    expect((await read(c)).callback.deliveries).toHaveLength(2);
  });

  it.each([
    [60 * SECOND, 60 * SECOND],
    [HOUR, HOUR],
    [SECOND, 5 * SECOND],
  ])('waits as long as the receiver asks (%i ms), never less than the schedule', async (retryAfterMs, delayMs) => {
    const c = await owedCallback();
    const { run } = createBench({ ...BROKEN, retryAfterMs });

    expect(await run(c)).toMatchObject({ delayMs });
    expect((await read(c)).callback.nextAt).toBe(storage.clock.now() + delayMs);
  });

  it('counts the delay from the end of the delivery, and dates it by its start', async () => {
    const c = await owedCallback();
    const startedAt = storage.clock.now();
    const { run } = createBench(async () => {
      storage.clock.advance(15 * SECOND);
      return { kind: 'failed', httpStatus: null, detail: 'no answer', latencyMs: 15_000 };
    });

    await run(c);

    expect((await read(c)).callback).toMatchObject({
      nextAt: startedAt + 20 * SECOND,
      deliveries: [{ at: startedAt, httpStatus: null, detail: 'no answer', latencyMs: 15_000 }],
    });
  });

  it.each([
    [{ kind: 'gone', httpStatus: 410, latencyMs: 1 }, 'gone', 'answered 410'],
    [{ kind: 'refused', detail: 'the target is not allowed', latencyMs: 1 }, 'refused', 'the target is not allowed'],
  ] as const)('takes %o for final', async (answer, status, reason) => {
    const c = await owedCallback();
    const { run, posted } = createBench(answer);

    expect(await run(c)).toEqual(new UnrecoverableError(`${status}: ${reason}`));

    expect((await read(c)).callback).toMatchObject({ status, nextAt: null });
    expect(await dueOf(c)).toBeNull();
    expect(await run(c)).toBe(status);
    expect(posted).toHaveLength(1);
  });

  it('keeps no place of its target when its endpoint could not be read, however often', async () => {
    const c = await owedCallback();
    const stored = await read(c);
    await storage.callbacks.save(stored, { ...stored.callback, endpointId: 'ce_1' });
    const trouble = new Error('Command timed out');
    const reading = vi.spyOn(storage.endpoints, 'read').mockRejectedValue(trouble);
    onTestFinished(() => reading.mockRestore());
    const { run } = createBench();

    for (let n = 0; n < 10; n++) expect(await run(c)).toBe(trouble); // as many as have a place
    reading.mockRestore();

    expect(await run(c)).toEqual(new UnrecoverableError('exhausted: not sent: the endpoint was deleted'));
  });

  it('sets a job aside that cannot be read, or whose callback is gone', async () => {
    const c = await owedCallback();
    const { run } = createBench();

    expect(await run(c, createJob({ callback_id: 'cb_1' }).job)).toEqual(
      new UnrecoverableError('set aside: the data of this job is not that of a callback'),
    );
    await storage.redis.del(storage.keys.callback(c.id));
    expect(await run(c)).toEqual(new UnrecoverableError('set aside: there is no such callback'));
  });

  it('logs the outcome without address, body or answer', async () => {
    const c = await owedCallback();
    const { run, logged } = createBench({ ...BROKEN, answer: 'a secret' });
    await run(c);

    expect(JSON.parse(logged[0] ?? '')).toMatchObject({
      callback: c.id,
      fact: 'callback.failed',
      detail: 'answered 500',
      delivery: 1,
    });
    expect(logged.join()).not.toMatch(/a secret|hooks|••/);
  });
});

describe('with replicas', () => {
  it('sends nothing that they do not have, and comes back', async () => {
    const c = await owedCallback();
    const { run, posted } = createBench(OK);
    confirm = () => Promise.reject(new NotReplicatedError('NOREPLICAS'));

    expect(await run(c)).toEqual(new RetryLater('NOREPLICAS', 500));
    expect(posted).toEqual([]);
    expect((await read(c)).callback.deliveries).toEqual([]);

    confirm = async () => true;
    expect(await run(c)).toBe('delivered');
  });

  it('sends nothing that became another one while they were asked', async () => {
    const c = await owedCallback();
    const { run, posted } = createBench(OK);
    confirm = async () => false;

    expect(await run(c)).toEqual(new RetryLater('it changed meanwhile', 0));
    expect(posted).toEqual([]);
  });
});

describe('two runs at once', () => {
  /** A run whose delivery ends in `mine` after another run has ended in `others`. */
  async function runAround(c: Callback, mine: Delivery, ...others: Delivery[]) {
    const other = createBench(...others);
    const { run } = createBench(async () => {
      for (const _ of others) {
        await other.run(c);
        const { nextAt } = (await read(c)).callback;
        storage.clock.advance(Math.max(0, (nextAt ?? 0) - storage.clock.now()));
      }
      return mine;
    });
    return run(c);
  }

  it('both stand in the log, and both count in the schedule', async () => {
    const c = await owedCallback();

    expect(await runAround(c, BROKEN, BROKEN)).toMatchObject({ delayMs: 30 * SECOND });

    expect((await read(c)).callback.deliveries).toHaveLength(2);
    expect((await read(c)).version).toMatch(/^3 /);
  });

  it.each(['gone', 'delivered'] as const)('a failure does not undo what the other run settled (%s)', async (status) => {
    const c = await owedCallback();
    const settled: Delivery = status === 'gone' ? { kind: 'gone', httpStatus: 410, latencyMs: 1 } : OK;

    const ended = await runAround(c, BROKEN, settled);

    expect(ended).toEqual(status === 'gone' ? new UnrecoverableError('gone: answered 500') : 'delivered');
    expect((await read(c)).callback).toMatchObject({ status, nextAt: null, deliveries: [{}, { httpStatus: 500 }] });
    expect(await dueOf(c)).toBeNull();
  });

  it('delivered is delivered, although the other run has given up', async () => {
    const c = await owedCallback();

    expect(await runAround(c, OK, BROKEN, BROKEN, BROKEN, BROKEN)).toBe('delivered');

    expect((await read(c)).callback).toMatchObject({ status: 'delivered', nextAt: null });
    expect((await read(c)).callback.deliveries).toHaveLength(5);
    expect(await dueOf(c)).toBeNull();
  });

  it('ends quietly when the record vanished meanwhile', async () => {
    const c = await owedCallback();
    const { run } = createBench(async () => {
      await storage.redis.del(storage.keys.callback(c.id));
      return OK;
    });

    expect(await run(c)).toBe('delivered');
    expect(await storage.redis.exists(storage.keys.callback(c.id))).toBe(0);
  });
});
