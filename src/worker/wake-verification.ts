import { type Job, UnrecoverableError } from 'bullmq';
import type { Clock } from '../shared/clock.ts';
import { nextAlarm } from '../shared/decide.ts';
import { VerificationJob } from '../shared/queues.ts';
import { isClosed } from '../shared/verification.ts';
import type { Verifications } from '../shared/verifications.ts';
import { sleepUntil } from './retry-later.ts';

/**
 * Builds the processor of the `verifications` queue: an alarm rings. Whatever is due by the clock happens; then the job
 * sleeps until the next deadline, or completes with the outcome when the verification is closed.
 */
export function createWakeVerification({ verifications, clock }: { verifications: Verifications; clock: Clock }) {
  return async function wakeVerification(job: Job, jobToken: string | undefined): Promise<string> {
    const parsed = VerificationJob.safeParse(job.data);
    if (!parsed.success) throw new UnrecoverableError('set aside: the data of this job is not that of a verification');
    const lookedAt = clock.now();
    const update = await verifications.update(parsed.data.verification_id, { type: 'tick' });
    if (update === undefined) throw new UnrecoverableError('set aside: there is no such verification');
    const { verification } = update.stored;
    await job.updateProgress({
      status: verification.status,
      step: `${verification.currentStep + 1} of ${verification.workflow.length}`,
      attempts: verification.attempts.length,
    });
    // not from now on: a deadline that passed since the look would be slept through
    if (!isClosed(verification)) return sleepUntil(job, jobToken, nextAlarm(verification, lookedAt), clock);
    return verification.reason === null ? verification.status : `${verification.status} (${verification.reason})`;
  };
}
