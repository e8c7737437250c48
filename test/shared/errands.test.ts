import { DelayedError, UnrecoverableError, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { open, type TryOutcome, type VerificationEvent } from '../../src/shared/decide.ts';
import { createErrands } from '../../src/shared/errands.ts';
import type { CallbackId, VerificationId } from '../../src/shared/ids.ts';
import { createMetrics } from '../../src/shared/metrics.ts';
import { createQueues, priorityOf, type QueueName } from '../../src/shared/queues.ts';
import { activeAttempt, isClosed, type OpenVerification } from '../../src/shared/verification.ts';
import type { Change } from '../../src/shared/verification-store.ts';
import { createVerifications } from '../../src/shared/verifications.ts';
import { createWakeVerification } from '../../src/worker/wake-verification.ts';
import { type Draft, MINUTE, openStorage, SECOND, START } from '../store-model/storage.ts';

type Bench = Awaited<ReturnType<typeof openBench>>;
let bench: Bench;
beforeEach(async () => {
  await bench?.close();
  bench = await openBench();
});
afterAll(() => bench.close());

const CANCEL: VerificationEvent = { type: 'canceled', reason: 'canceled' };

/** Store, queues and errands on one Redis, and the hands of a worker that does only what the test says. */
async function openBench() {
  const storage = await openStorage();
  const { clock, keys, redis } = storage;
  const logged: string[] = [];
  const log = pino({}, { write: (line: string) => logged.push(line) });
  const queues = createQueues(redis, keys.queuePrefix);
  const errands = createErrands({ queues, clock, log });
  const metrics = createMetrics('worker', ['US']);
  const { store } = storage;
  const verifications = createVerifications({ store, errands, metrics, log, onChange: async () => {} });
  const workers: Worker[] = [];

  async function update(id: VerificationId, event: VerificationEvent): Promise<Change> {
    const done = await storage.store.update(id, event);
    if (!done?.change) throw new Error(`nothing followed from ${event.type}`);
    await errands.carryOut(done.change);
    return done.change;
  }

  return {
    ...storage,
    logged,
    log,
    queues,
    errands,
    verifications,
    update,

    async submit(options: Draft = {}): Promise<OpenVerification> {
      const creation = await storage.store.create(storage.opening(options), clock.now());
      if (creation.kind !== 'created' || isClosed(creation.change.after)) throw new Error('it is not open');
      await errands.carryOut(creation.change);
      return creation.change.after;
    },

    /** One try for the attempt whose turn it is, and how it ended. */
    async tryOnce(id: VerificationId, outcome: TryOutcome): Promise<Change> {
      const stored = await storage.store.read(id);
      const attemptId = stored?.verification.attempts.at(-1)?.id ?? '';
      await update(id, { type: 'try_started', attemptId, token: 'run' });
      return update(id, { type: 'try_ended', attemptId, token: 'run', outcome, random: 0.5 });
    },

    /** How a job stands: its state and the milliseconds that it still sleeps. */
    async job(queue: QueueName, id: string) {
      const job = await queues[queue].getJob(id);
      return job && { state: await job.getState(), delay: job.delay, priority: job.priority, data: job.data };
    },

    /** Takes the next job of a queue as a worker does, without running it. */
    async take(queue: QueueName) {
      const worker = new Worker(queue, undefined, { prefix: keys.queuePrefix, connection: redis, autorun: false });
      workers.push(worker);
      await worker.waitUntilReady();
      const job = await worker.getNextJob('token', { block: false });
      if (!job) throw new Error(`no job is ready in ${queue}`);
      return job;
    },

    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
      await Promise.all(Object.values(queues).map((queue) => queue.close()));
      storage.close();
    },
  };
}

const UNKNOWN: TryOutcome = { kind: 'unknown', detail: 'connection lost', httpStatus: null };
const REFUSED: TryOutcome = { kind: 'refused', detail: 'no', httpStatus: 422, providerCode: undefined, account: false };

describe('the jobs of a new verification', () => {
  it('are its first attempt, ready to run, and its alarm, asleep', async () => {
    const v = await bench.submit();
    const [attempt] = v.attempts;

    expect(await bench.job('sms', attempt?.id ?? '')).toMatchObject({ state: 'prioritized', delay: 0 });
    expect(await bench.job('verifications', v.id)).toMatchObject({ state: 'delayed', delay: 45 * SECOND });
    for (const queue of ['call', 'callbacks'] as const) expect(await bench.queues[queue].count()).toBe(0);
  });

  it('hold ids, the channel and the masked number, and nothing else', async () => {
    const v = await bench.submit();
    const [attempt] = v.attempts;

    expect((await bench.job('sms', attempt?.id ?? ''))?.data).toEqual({
      verification_id: v.id,
      attempt_id: attempt?.id,
      channel: 'sms',
      to: '+44••••••••23',
    });
    expect((await bench.job('verifications', v.id))?.data).toEqual({ verification_id: v.id, to: '+44••••••••23' });
  });

  it('are none when a policy blocked it: only its callback', async () => {
    const now = bench.clock.now();
    const creation = await bench.store.create(open(bench.draft(), now, bench.policy, 'country_not_allowed'), now);
    if (creation.kind !== 'created') throw new Error('it was not stored');
    await bench.errands.carryOut(creation.change);

    expect(await Promise.all(Object.values(bench.queues).map((queue) => queue.count()))).toEqual([0, 0, 0, 1]);
  });

  it('are added once, however often the change is carried out', async () => {
    const creation = await bench.store.create(bench.opening(), bench.clock.now());
    if (creation.kind !== 'created') throw new Error('it was not stored');
    await bench.errands.carryOut(creation.change);
    await bench.errands.carryOut(creation.change);

    expect(await Promise.all(Object.values(bench.queues).map((queue) => queue.count()))).toEqual([1, 1, 0, 0]);
  });
});

describe('the priority of an attempt', () => {
  it('is the second of its creation, so that the older goes first', async () => {
    const first = await bench.submit({ numberHash: 'a' });
    bench.clock.advance(SECOND);
    const second = await bench.submit({ numberHash: 'b' });
    const priority = async (v: OpenVerification) => (await bench.job('sms', v.attempts[0]?.id ?? ''))?.priority ?? 0;

    expect(await priority(first)).toBe(priorityOf(START));
    expect(await priority(second)).toBe((await priority(first)) + 1);
    expect((await bench.take('sms')).id).toBe(first.attempts[0]?.id);
  });

  it('is never 0, which would overtake everybody, nor more than BullMQ takes', async () => {
    const wraps = 2 ** 21 - 1;
    expect(priorityOf(0)).toBe(1);
    expect(priorityOf(wraps * SECOND)).toBe(1);
    expect(priorityOf(wraps * SECOND - 1)).toBe(wraps);
    await bench.queues.sms.add('attempt', {}, { priority: wraps });
  });
});

describe('a change of an open verification', () => {
  it('queues the attempt of the next step, and its callbacks', async () => {
    const { id } = await bench.submit();

    const { after, callbacks } = await bench.tryOnce(id, REFUSED);

    const next = activeAttempt(after);
    expect(next?.channel).toBe('call');
    expect(await bench.job('call', next?.id ?? '')).toMatchObject({ state: 'prioritized', data: { channel: 'call' } });
    expect(callbacks).toHaveLength(2);
    for (const { callback } of callbacks) {
      expect(await bench.job('callbacks', callback.id)).toMatchObject({
        state: 'waiting',
        delay: 0,
        data: { callback_id: callback.id, verification_id: id, type: callback.type, to: after.masked },
      });
    }
  });

  it('queues one more attempt after a lost one, on the same channel', async () => {
    const { id } = await bench.submit();

    const { after } = await bench.tryOnce(id, UNKNOWN);

    expect(activeAttempt(after)?.trigger).toBe('unknown');
    expect(await bench.job('sms', activeAttempt(after)?.id ?? '')).toMatchObject({ state: 'prioritized' });
  });

  it('adds no job for another try of the same attempt: its job is run again', async () => {
    const { id, attempts } = await bench.submit();
    await bench.queues.sms.remove(attempts[0]?.id ?? '');

    await bench.tryOnce(id, { kind: 'not_sent', detail: '503', httpStatus: 503, retryAfterMs: undefined });

    expect(await bench.queues.sms.count()).toBe(0);
  });

  it('removes the job of an attempt that gave way', async () => {
    const { id, attempts } = await bench.submit();

    const { after } = await bench.update(id, { type: 'attempt_requested', channel: 'call' });

    expect(after.attempts[0]).toMatchObject({ status: 'skipped', error: { code: 'superseded' } });
    expect(await bench.job('sms', attempts[0]?.id ?? '')).toBeUndefined();
    expect(await bench.job('call', after.attempts[1]?.id ?? '')).toMatchObject({ state: 'prioritized' });
  });

  it('adds no job for an attempt that was skipped the moment it was made', async () => {
    const { id } = await bench.submit({ maxSends: 1 });

    const { after } = await bench.tryOnce(id, UNKNOWN);

    expect(after.attempts.map((a) => a.status)).toEqual(['unknown', 'skipped', 'skipped']);
    expect(await bench.queues.call.count()).toBe(0);
    expect(await bench.queues.sms.getJobs()).toHaveLength(1);
  });

  it('pulls the alarm forward when the next deadline comes sooner', async () => {
    const { id } = await bench.submit({
      steps: [{ channel: 'sms', timeout: 300 }, { channel: 'call', timeout: 60 }, { channel: 'sms' }],
    });
    expect(await bench.job('verifications', id)).toMatchObject({ delay: 300 * SECOND });

    await bench.update(id, { type: 'attempt_requested', channel: 'call' });

    expect(await bench.job('verifications', id)).toMatchObject({ state: 'delayed', delay: 60 * SECOND });
    expect(await bench.queues.verifications.getDelayedCount()).toBe(1);
  });

  it('leaves the alarm alone when the next deadline is no sooner', async () => {
    const { id, attempts } = await bench.submit();
    bench.clock.advance(5 * SECOND);

    await bench.update(id, { type: 'try_started', attemptId: attempts[0]?.id ?? '', token: 'run' });

    expect(await bench.job('verifications', id)).toMatchObject({ delay: 45 * SECOND });
  });

  it('sets a new alarm where the one to be pulled forward is gone', async () => {
    const { id } = await bench.submit({
      steps: [{ channel: 'sms', timeout: 300 }, { channel: 'call', timeout: 60 }, { channel: 'sms' }],
    });
    await bench.queues.verifications.remove(id);

    await bench.update(id, { type: 'attempt_requested', channel: 'call' });

    expect(await bench.job('verifications', id)).toMatchObject({ state: 'delayed', delay: 60 * SECOND });
  });

  it('does not disturb an alarm that is ringing', async () => {
    const { id } = await bench.submit({
      steps: [{ channel: 'sms', timeout: 300 }, { channel: 'call', timeout: 60 }, { channel: 'sms' }],
    });
    await bench.queues.verifications.promoteJobs();
    await bench.take('verifications');

    await bench.update(id, { type: 'attempt_requested', channel: 'call' });

    expect(await bench.job('verifications', id)).toMatchObject({ state: 'active' });
    expect(bench.logged).toEqual([]);
  });

  it('has its alarm ring at once for a deadline that passed while it looked', async () => {
    const { id } = await bench.submit({ steps: [{ channel: 'sms', timeout: 45 }, { channel: 'call' }] });
    bench.clock.advance(SECOND);
    const { after } = await bench.tryOnce(id, { kind: 'sent', mfaId: 'mfa-1', httpStatus: 200 });
    bench.clock.advance((after.timerAt ?? 0) - bench.clock.now() - 1);
    await bench.queues.verifications.promoteJobs();
    const alarm = await bench.take('verifications');
    const { update } = bench.verifications;
    const slowly: typeof update = async (...event) => {
      const updated = await update(...event);
      bench.clock.advance(2);
      return updated;
    };

    const wake = createWakeVerification({
      verifications: { ...bench.verifications, update: slowly },
      clock: bench.clock,
    });
    vi.useFakeTimers({ toFake: ['Date'] }); // BullMQ reads it again: no millisecond may pass between
    onTestFinished(() => void vi.useRealTimers());
    await expect(wake(alarm, 'token')).rejects.toThrow(DelayedError);

    expect(await bench.job('verifications', id)).toMatchObject({ state: 'delayed', delay: 1 });
  });

  it('is told in the log of the alarm, one sentence for each event', async () => {
    const { id } = await bench.submit();

    await bench.tryOnce(id, REFUSED);

    const { logs } = await bench.queues.verifications.getJobLogs(id);
    const at = new Date(START).toISOString();
    expect(logs.flatMap((log) => log.split('\n'))).toEqual([
      `${at} submitted by acme: text for 45 s, then call; it expires in 10 min`,
      `${at} text starts (step 1): the first step`,
      `${at} text failed after 1 try: no`,
      `${at} call starts (step 2): the step before could not be sent`,
    ]);
  });

  it('is told in a log that keeps its last 100 rows', async () => {
    const { id } = await bench.submit();
    const fact = { type: 'check.unavailable', at: START } as const;
    for (let n = 1; n <= 120; n++) await bench.errands.tellInLog(id, [fact], () => `check ${n}`);

    const { logs, count } = await bench.queues.verifications.getJobLogs(id);
    expect([count, logs.at(0), logs.at(-1)]).toEqual([
      100,
      `${new Date(START).toISOString()} check 21`,
      `${new Date(START).toISOString()} check 120`,
    ]);
  });
});

describe('the close of a verification', () => {
  it('wakes the alarm, which completes with the outcome, and removes what was queued', async () => {
    const { id, attempts } = await bench.submit();

    const { callbacks } = await bench.update(id, CANCEL);

    expect(await bench.job('sms', attempts[0]?.id ?? '')).toBeUndefined();
    expect(await bench.job('callbacks', callbacks[0]?.callback.id ?? '')).toMatchObject({ state: 'waiting' });
    const alarm = await bench.take('verifications');
    expect(alarm.id).toBe(id);
    const wake = createWakeVerification({ verifications: bench.verifications, clock: bench.clock });
    await alarm.moveToCompleted(await wake(alarm, 'token'), 'token', false);
    const finished = await bench.queues.verifications.getJob(id);
    expect([await finished?.getState(), finished?.returnvalue]).toEqual(['completed', 'canceled (canceled)']);
  });

  it.each(['gone', 'ringing'])('stands although the alarm is %s', async (how) => {
    const { id } = await bench.submit();
    if (how === 'gone') await bench.queues.verifications.remove(id);
    else {
      await bench.queues.verifications.promoteJobs();
      await bench.take('verifications');
    }

    await bench.update(id, CANCEL);

    expect((await bench.job('verifications', id))?.state).toBe(how === 'gone' ? undefined : 'active');
    expect(bench.logged).toEqual([]);
  });

  it('sets no alarm for what happens later', async () => {
    const { id } = await bench.submit();
    await bench.update(id, CANCEL);
    await bench.queues.verifications.obliterate({ force: true });
    bench.clock.advance(bench.policy.numberRetentionMs);

    await bench.update(id, { type: 'tick' });

    expect(await bench.queues.verifications.getJobs()).toEqual([]);
  });
});

describe('an errand that fails', () => {
  it('is logged and never undoes the change, and the others are run', async () => {
    const creation = await bench.store.create(bench.opening(), bench.clock.now());
    if (creation.kind !== 'created') throw new Error('it was not stored');
    await bench.redis.set(`${bench.keys.queuePrefix}:sms:prioritized`, 'not a sorted set');

    await bench.errands.carryOut(creation.change);

    expect(bench.logged).toHaveLength(1);
    expect(JSON.parse(bench.logged[0] ?? '')).toMatchObject({ level: 40, verification: creation.change.after.id });
    expect(await bench.job('verifications', creation.change.after.id)).toMatchObject({ state: 'delayed' });
  });

  it('is logged when the alarm cannot be woken, for another reason than that it is awake', async () => {
    const { id } = await bench.submit();
    await bench.redis.del(`${bench.keys.queuePrefix}:verifications:delayed`);
    await bench.redis.set(`${bench.keys.queuePrefix}:verifications:delayed`, 'not a sorted set');

    await bench.update(id, CANCEL);

    expect(JSON.parse(bench.logged[0] ?? '')).toMatchObject({ level: 40, verification: id });
  });

  it('never rejects while Redis is away', async () => {
    const creation = await bench.store.create(bench.opening(), bench.clock.now());
    if (creation.kind !== 'created') throw new Error('it was not stored');
    const away = new Redis({
      lazyConnect: true,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      port: 1,
      retryStrategy: () => null,
    });
    away.on('error', () => {});
    const queues = createQueues(away, bench.keys.queuePrefix);
    const errands = createErrands({ queues, clock: bench.clock, log: bench.log });

    await errands.carryOut(creation.change);

    expect(bench.logged).toHaveLength(2);
    expect(bench.logged.join()).not.toContain('+447700900123');
    away.disconnect();
  });
});

describe('repairing the jobs of a verification', () => {
  it('finds them in order', async () => {
    expect(await bench.errands.repairJobs(await bench.submit())).toBe('in_order');
  });

  it('puts back a deleted alarm, due at the next deadline', async () => {
    const v = await bench.submit();
    await bench.queues.verifications.remove(v.id);
    bench.clock.advance(5 * SECOND);

    expect(await bench.errands.repairJobs(v)).toBe('job_added');
    expect(await bench.job('verifications', v.id)).toMatchObject({ state: 'delayed', delay: 40 * SECOND });
  });

  it('puts back a deleted attempt, with its place in the line and what is left of its wait', async () => {
    const { id } = await bench.submit();
    const { after } = await bench.tryOnce(id, {
      kind: 'rate_limited',
      detail: '429',
      httpStatus: 429,
      retryAfterMs: 9_000,
    });
    if (isClosed(after)) throw new Error('it is closed');
    await bench.queues.sms.obliterate({ force: true });
    bench.clock.advance(2 * SECOND);

    expect(await bench.errands.repairJobs(after)).toBe('job_added');
    const job = await bench.job('sms', after.attempts[0]?.id ?? '');
    expect(job).toMatchObject({ state: 'delayed', delay: 7 * SECOND, priority: priorityOf(START) });
  });

  it.each(['completed', 'failed'] as const)(
    'replaces a kept job that is %s, which would swallow the new one',
    async (how) => {
      const v = await bench.submit();
      await bench.queues.verifications.promoteJobs();
      for (const queue of ['sms', 'verifications'] as const) {
        const job = await bench.take(queue);
        if (how === 'completed') await job.moveToCompleted('done', 'token', false);
        else await job.moveToFailed(new UnrecoverableError('no'), 'token', false);
      }
      expect(await bench.job('sms', v.attempts[0]?.id ?? '')).toMatchObject({ state: how });

      expect(await bench.errands.repairJobs(v)).toBe('job_added');

      expect(await bench.job('sms', v.attempts[0]?.id ?? '')).toMatchObject({ state: 'prioritized' });
      expect(await bench.job('verifications', v.id)).toMatchObject({ state: 'delayed' });
    },
  );

  it('replaces one that lies in no list, which nobody would ever run', async () => {
    const v = await bench.submit();
    const id = v.attempts[0]?.id ?? '';
    await bench.redis.zrem(`${bench.keys.queuePrefix}:sms:prioritized`, id);
    expect(await bench.job('sms', id)).toMatchObject({ state: 'unknown' });

    expect(await bench.errands.repairJobs(v)).toBe('job_added');
    expect(await bench.job('sms', id)).toMatchObject({ state: 'prioritized' });
  });

  it('leaves jobs that are running alone', async () => {
    const v = await bench.submit();
    await bench.queues.verifications.promoteJobs();
    await bench.take('sms');
    await bench.take('verifications');

    expect(await bench.errands.repairJobs(v)).toBe('in_order');
    expect(await bench.job('sms', v.attempts[0]?.id ?? '')).toMatchObject({ state: 'active' });
    expect(await bench.job('verifications', v.id)).toMatchObject({ state: 'active' });
  });

  it('wakes an attempt and sets an alarm that somebody put to sleep for too long', async () => {
    const v = await bench.submit();
    await (await bench.queues.verifications.getJob(v.id))?.changeDelay(60 * MINUTE);
    const job = await bench.take('sms');
    await job.moveToDelayed(Date.now() + 60 * MINUTE, 'token');

    expect(await bench.errands.repairJobs(v)).toBe('in_order');

    expect(await bench.job('sms', v.attempts[0]?.id ?? '')).toMatchObject({ state: 'prioritized' });
    expect(await bench.job('verifications', v.id)).toMatchObject({ state: 'delayed', delay: 45 * SECOND });
  });

  it('lets an attempt sleep that is not due yet', async () => {
    const { id } = await bench.submit();
    const job = await bench.take('sms');
    const { after } = await bench.tryOnce(id, {
      kind: 'rate_limited',
      detail: '429',
      httpStatus: 429,
      retryAfterMs: 9_000,
    });
    if (isClosed(after)) throw new Error('it is closed');
    await job.moveToDelayed(Date.now() + 9_000, 'token');

    expect(await bench.errands.repairJobs(after)).toBe('in_order');
    expect(await bench.job('sms', after.attempts[0]?.id ?? '')).toMatchObject({ state: 'delayed' });
  });

  it('adds no job for an attempt that is on its way', async () => {
    const { id, attempts } = await bench.submit();
    const { after } = await bench.update(id, { type: 'try_started', attemptId: attempts[0]?.id ?? '', token: 'run' });
    if (isClosed(after)) throw new Error('it is closed');
    await bench.queues.sms.obliterate({ force: true });

    expect(await bench.errands.repairJobs(after)).toBe('in_order');
    expect(await bench.queues.sms.count()).toBe(0);
  });
});

/** The callback of a verification that was canceled at once. */
async function owed() {
  const { id } = await bench.submit();
  const { callbacks } = await bench.update(id, CANCEL);
  const [first] = callbacks;
  if (!first) throw new Error('no callback is owed');
  return first;
}
const stateOf = async (id: CallbackId) => (await bench.job('callbacks', id))?.state;

describe('repairing the job of a callback', () => {
  it('finds it in order', async () => {
    expect(await bench.errands.repairCallbackJob(await owed())).toBe('in_order');
  });

  it('puts it back at its place in the schedule', async () => {
    const { callback, body } = await owed();
    const before = await bench.job('callbacks', callback.id);
    await bench.queues.callbacks.obliterate({ force: true });

    const later = { callback: { ...callback, nextAt: bench.clock.now() + 30 * SECOND }, body };
    expect(await bench.errands.repairCallbackJob(later)).toBe('job_added');
    expect(await bench.job('callbacks', callback.id)).toMatchObject({
      state: 'delayed',
      delay: 30 * SECOND,
      data: before?.data,
    });
  });

  it('replaces a kept finished one', async () => {
    const finished = await owed();
    await (await bench.take('callbacks')).moveToCompleted('done', 'token', false);

    expect(await bench.errands.repairCallbackJob(finished)).toBe('job_added');
    expect(await stateOf(finished.callback.id)).toBe('waiting');
  });

  it('wakes one that was put to sleep for too long, and no other', async () => {
    const asleep = await owed();
    const { callback } = asleep;
    await (await bench.take('callbacks')).moveToDelayed(Date.now() + 60 * MINUTE, 'token');

    await bench.errands.repairCallbackJob({ ...asleep, callback: { ...callback, nextAt: bench.clock.now() + 1 } });
    expect(await stateOf(callback.id)).toBe('delayed');
    expect(await bench.errands.repairCallbackJob(asleep)).toBe('in_order');
    expect(await stateOf(callback.id)).toBe('waiting');
  });
});

describe('bringing a callback forward', () => {
  it('has it delivered now, whatever its job was doing', async () => {
    const asleep = await owed();
    await (await bench.take('callbacks')).moveToDelayed(Date.now() + 60 * MINUTE, 'token');
    const finished = await owed();
    await (await bench.take('callbacks')).moveToCompleted('done', 'token', false);
    const lost = await owed();
    await bench.queues.callbacks.remove(lost.callback.id);

    for (const each of [asleep, finished, lost]) await bench.errands.bringForward(each);

    for (const { callback } of [asleep, finished, lost]) expect(await stateOf(callback.id)).toBe('waiting');
  });

  it('never rejects', async () => {
    const spoiled = await owed();
    await bench.redis.set(`${bench.keys.queuePrefix}:callbacks:${spoiled.callback.id}`, 'not a job');

    await bench.errands.bringForward(spoiled);

    expect(JSON.parse(bench.logged.at(-1) ?? '')).toMatchObject({ level: 40, callback: spoiled.callback.id });
  });
});
