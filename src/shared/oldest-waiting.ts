import type { Job } from 'bullmq';
import type { Clock, EpochMs } from './clock.ts';
import { nextDue, type Policy } from './decide.ts';
import type { Partition } from './partitioned.ts';
import { AttemptJob, CallbackJob, type QueueName, VerificationJob } from './queues.ts';
import { activeAttempt } from './verification.ts';

type Place = Pick<Partition, 'queues' | 'store' | 'callbacks'>;

/**
 * Builds the answer to how long the job next in turn has been due, in ms, by its record: BullMQ does not keep when a job
 * began to wait. 0 when nothing waits.
 */
export function createOldestWaiting({ policy, clock }: { policy: Policy; clock: Clock }) {
  return async function oldestWaiting(place: Place, queue: QueueName): Promise<number> {
    const next = await place.queues[queue].getJobs(['wait', 'prioritized'], 0, 0, true);
    const due = await Promise.all(next.map((job) => dueSince(place, queue, job)));
    return Math.max(0, ...due.map((at) => (at === undefined ? 0 : clock.now() - at)));
  };

  /** undefined: nobody waits for this job. */
  async function dueSince(
    { store, callbacks }: Place,
    queue: QueueName,
    job: Job | undefined,
  ): Promise<EpochMs | undefined> {
    if (queue === 'callbacks') {
      const { data } = CallbackJob.safeParse(job?.data);
      return data && ((await callbacks.read(data.callback_id))?.callback.nextAt ?? undefined);
    }
    const { data } = (queue === 'verifications' ? VerificationJob : AttemptJob).safeParse(job?.data);
    const verification = data && (await store.read(data.verification_id))?.verification;
    if (verification === undefined) return undefined;
    if (queue === 'verifications') return nextDue(verification, policy) ?? undefined;
    const active = activeAttempt(verification);
    return active?.status === 'queued' ? active.nextTryAt : undefined;
  }
}
