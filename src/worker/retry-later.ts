import { DelayedError, type Job } from 'bullmq';
import type { Clock, EpochMs } from '../shared/clock.ts';

/** Fails a job's run so that the queue shows why, and runs it again after the delay that the stored record asks for. */
export class RetryLater extends Error {
  override readonly name = 'RetryLater';
  readonly delayMs: number;

  constructor(reason: string, delayMs: number) {
    super(reason);
    this.delayMs = delayMs;
  }
}

/** Delay after an error that no record foresaw, such as a full Redis. */
const UNFORESEEN_DELAY_MS = 2_000;

/** BullMQ's backoff strategy for every queue. 0 means "at once", so a delay is at least 1 ms. */
export function storedBackoff(_attemptsMade: number, _type: unknown, error: unknown): number {
  return error instanceof RetryLater ? Math.max(1, Math.round(error.delayMs)) : UNFORESEEN_DELAY_MS;
}

/**
 * Puts the running job back to sleep; nothing was tried, so no failure shows. Must be the last thing that a processor
 * does: BullMQ forbids anything after it.
 */
export async function sleepUntil(job: Job, token: string | undefined, until: EpochMs, clock: Clock): Promise<never> {
  await job.moveToDelayed(Date.now() + Math.max(1, until - clock.now()), token); // BullMQ's delays run on the machine's own clock
  throw new DelayedError();
}
