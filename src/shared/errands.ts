import { Job, type Queue } from 'bullmq';
import type { Logger } from 'pino';
import type { Callback, NewCallback } from './callback.ts';
import type { Clock, EpochMs } from './clock.ts';
import { nextAlarm } from './decide.ts';
import type { VerificationId } from './ids.ts';
import { currentOrigin } from './origin.ts';
import type { AttemptJob, CallbackJob, Queues, VerificationJob } from './queues.ts';
import { KEEP_LOG_ROWS, priorityOf } from './queues.ts';
import type { StoryFact } from './story.ts';
import { sentence } from './story-words.ts';
import { type Attempt, activeAttempt, isClosed, type OpenVerification, type Verification } from './verification.ts';
import type { Change } from './verification-store.ts';

interface Deps {
  queues: Queues;
  clock: Clock;
  log: Logger;
}

/** What looking for a job found: it was there (a delay that is over was put right), or it was put back. */
export type Repair = 'in_order' | 'job_added';

/** The errands of one partition. */
export type PartitionErrands = ReturnType<typeof createErrands>;
/** Those that can be run for what is anywhere. */
export type Errands = Pick<PartitionErrands, 'bringForward' | 'tellInLog'>;

/**
 * Turns stored changes into jobs. Jobs are only errands and alarm clocks: one that is lost here, or deleted by hand
 * later, is put back by the reconciler, so a failure is logged and never undoes the change.
 */
export function createErrands({ queues, clock, log }: Deps) {
  const originOf = (v: Verification) => ({ ...v.origin, ...currentOrigin() });
  /** The alarm's job, to be moved without being read; it may be gone. */
  const alarmOf = (id: VerificationId) => new Job(queues.verifications, 'verification', undefined, {}, id);
  const addAlarm = (v: OpenVerification) => {
    const now = clock.now();
    const data: VerificationJob = { verification_id: v.id, to: v.masked, ...originOf(v) };
    return queues.verifications.add('verification', data, { jobId: v.id, delay: Math.max(0, nextAlarm(v, now) - now) });
  };
  const addAttempt = (v: Verification, a: Attempt) => {
    const data: AttemptJob = {
      verification_id: v.id,
      attempt_id: a.id,
      channel: a.channel,
      to: v.masked,
      ...originOf(v),
    };
    const delay = Math.max(0, a.nextTryAt - clock.now());
    return queues[a.channel].add('attempt', data, { jobId: a.id, priority: priorityOf(a.startedAt), delay });
  };
  const addCallback = ({ callback: c, body }: NewCallback) => {
    const data: CallbackJob = {
      callback_id: c.id,
      type: c.type,
      ...(c.verificationId !== null && { verification_id: c.verificationId, to: maskedIn(body) }),
      ...currentOrigin(),
    };
    const delay = Math.max(0, (c.nextAt ?? 0) - clock.now());
    return queues.callbacks.add(c.type, data, { jobId: c.id, delay });
  };

  /** Pulls the alarm forward. While its job runs this fails, and need not work: the job reads the record itself. */
  async function moveAlarm(v: OpenVerification): Promise<void> {
    const now = clock.now();
    try {
      await alarmOf(v.id).changeDelay(Math.max(0, nextAlarm(v, now) - now));
    } catch (error) {
      if (isGone(error)) await addAlarm(v);
      else ignoreNotThere(error);
    }
  }

  async function tellInLog(
    id: VerificationId,
    story: readonly StoryFact[],
    words: (fact: StoryFact) => string,
  ): Promise<void> {
    if (story.length === 0) return;
    const lines = story.map((fact) => `${new Date(fact.at).toISOString()} ${words(fact)}`);
    await Job.addJobLog(queues.verifications, id, lines.join('\n'), KEEP_LOG_ROWS).catch(ignoreNotThere);
  }

  /** Lets the alarm's job run now: it finds the verification closed and completes with its outcome. */
  async function finishAlarm(v: Verification) {
    await alarmOf(v.id).promote().catch(ignoreNotThere);
  }

  async function ensure(job: Job | undefined, dueAt: EpochMs, add: () => Promise<unknown>): Promise<Repair> {
    if (job) {
      const state = await job.getState();
      // a worker whose own clock is wrong, or an operator, put it to sleep for too long
      if (state === 'delayed' && dueAt <= clock.now()) await job.promote().catch(ignoreNotThere);
      if (state !== 'completed' && state !== 'failed' && state !== 'unknown') return 'in_order';
      await job.remove(); // a kept finished job would swallow the new one
    }
    await add();
    return 'job_added';
  }

  return {
    /** Tells what happened in the log of the verification's job, which may be gone. */
    tellInLog,

    /** Adds, moves and removes the jobs that a stored change asks for. Never rejects. */
    async carryOut({ before, after, callbacks, story }: Change): Promise<void> {
      const words = (fact: StoryFact) => sentence(fact, after);
      const known = new Map(before?.attempts.map((a) => [a.id, a.status]));
      const errands: Promise<unknown>[] = callbacks.map(addCallback);
      for (const attempt of after.attempts) {
        const was = known.get(attempt.id);
        if (attempt.status === 'queued' && was === undefined) errands.push(addAttempt(after, attempt));
        // a job of a skipped attempt would take one of the channel's few tokens for nothing
        if (attempt.status === 'skipped' && was === 'queued') errands.push(queues[attempt.channel].remove(attempt.id));
      }
      if (isClosed(after)) {
        if (before !== null && !isClosed(before)) errands.push(finishAlarm(after));
      } else if (before === null) {
        errands.push(addAlarm(after).then(() => tellInLog(after.id, story, words)));
      } else if (!isClosed(before) && nextAlarm(after, clock.now()) < nextAlarm(before, clock.now())) {
        errands.push(moveAlarm(after));
      }
      if (before !== null) errands.push(tellInLog(after.id, story, words));
      for (const outcome of await Promise.allSettled(errands)) {
        if (outcome.status === 'fulfilled') continue;
        const reason = outcome.reason instanceof Error ? outcome.reason.message : String(outcome.reason);
        log.warn({ verification: after.id, reason }, 'a job could not be added or moved; the reconciler will');
      }
    },

    /** Puts back what is missing of a verification's jobs. */
    async repairJobs(v: OpenVerification): Promise<Repair> {
      const alarm = await queues.verifications.getJob(v.id);
      const repairs = [await ensure(alarm, Number.POSITIVE_INFINITY, () => addAlarm(v))];
      if (repairs[0] === 'in_order') await moveAlarm(v);
      const active = activeAttempt(v);
      if (active?.status === 'queued') {
        const job = await queues[active.channel].getJob(active.id);
        repairs.push(await ensure(job, active.nextTryAt, () => addAttempt(v, active)));
      }
      return repairs.includes('job_added') ? 'job_added' : 'in_order';
    },

    /** Has a callback delivered now, whatever its job is doing. Never rejects. */
    async bringForward(owed: NewCallback): Promise<void> {
      const { callback: c } = owed;
      try {
        await ensure(await queues.callbacks.getJob(c.id), c.nextAt ?? 0, () => addCallback(owed));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        log.warn({ callback: c.id, reason }, 'a job could not be added or moved; the reconciler will');
      }
    },

    /** Removes the jobs of a verification and its callbacks, with their logs. @returns false when one of them runs: repeat it later. */
    async removeJobs(v: Verification, callbacks: readonly Callback[]): Promise<boolean> {
      const jobs: [Queue, string][] = [
        [queues.verifications, v.id],
        ...v.attempts.map((a): [Queue, string] => [queues[a.channel], a.id]),
        ...callbacks.map((c): [Queue, string] => [queues.callbacks, c.id]),
      ];
      const removed = await Promise.all(
        jobs.map(async ([queue, id]) => (await queue.remove(id)) === 1 || (await queue.getJob(id)) === undefined),
      );
      return !removed.includes(false);
    },

    /** Puts back the job of an undelivered callback. */
    async repairCallbackJob(owed: NewCallback): Promise<Repair> {
      const { callback: c } = owed;
      return ensure(await queues.callbacks.getJob(c.id), c.nextAt ?? 0, () => addCallback(owed));
    },
  };
}

/** The masked number of the verification that an event is about, from the event's body: there it is always masked. */
function maskedIn(body: string): string | undefined {
  return (JSON.parse(body) as { data: { verification?: { to: string } } }).data.verification?.to;
}

/** BullMQ's codes: -1 the job is gone, -3 it is not delayed (it runs, or waits to run, and reads the record itself). */
const codeOf = (error: unknown) => (error as { code?: unknown }).code;

const isGone = (error: unknown) => codeOf(error) === -1;

function ignoreNotThere(error: unknown): void {
  if (!isGone(error) && codeOf(error) !== -3) throw error;
}
