import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { Channel } from './channel.ts';
import { isCallbackId, isVerificationId } from './ids.ts';
import { Origin } from './origin.ts';

export const QUEUE_NAMES = ['verifications', 'sms', 'call', 'callbacks'] as const;
export type QueueName = (typeof QUEUE_NAMES)[number];
export type Queues = Record<QueueName, Queue>;

/** Jobs of `verifications`: the alarm clock of one open verification. */
export const VerificationJob = Origin.extend({
  verification_id: z.custom<`ver_${string}`>((v) => typeof v === 'string' && isVerificationId(v)),
  to: z.string(),
});
export type VerificationJob = z.infer<typeof VerificationJob>;

/** Jobs of `sms` and `call`: one attempt. `to` is masked and only for the eyes of an operator. */
export const AttemptJob = Origin.extend({
  verification_id: z.custom<`ver_${string}`>((v) => typeof v === 'string' && isVerificationId(v)),
  attempt_id: z.string().startsWith('att_'),
  channel: Channel,
  to: z.string(),
});
export type AttemptJob = z.infer<typeof AttemptJob>;

/** Jobs of `callbacks`: one callback. `to` is masked, and not there when it is about no verification. */
export const CallbackJob = Origin.extend({
  callback_id: z.custom<`cb_${string}`>((v) => typeof v === 'string' && isCallbackId(v)),
  verification_id: z.string().optional(),
  to: z.string().optional(),
  type: z.string(),
});
export type CallbackJob = z.infer<typeof CallbackJob>;

/** BullMQ's own counters decide nothing: the stored records say when to stop, so its limit must never be met. */
export const UNLIMITED_ATTEMPTS = 1_000_000;
/** Named in every job's backoff; the workers answer it with the delay that the record asks for. */
export const STORED_BACKOFF = 'as-stored';
/** How long finished jobs are kept, in seconds, and how many of each queue. The worker's part, so that not every job says it. */
export const KEEP_FINISHED = {
  removeOnComplete: { age: 24 * 3600, count: 1_000 },
  removeOnFail: { age: 7 * 24 * 3600, count: 1_000 },
};
/** Rows that the log of a job keeps, the newest ones; a client may have checks fail for as long as it likes. */
export const KEEP_LOG_ROWS = 100;
/** BullMQ's largest priority; lower numbers go first. */
const MAX_PRIORITY = 2 ** 21 - 1;

/**
 * The priority of a channel job: its creation second, so that under a backlog the oldest goes first and a retry does
 * not fall behind newcomers. BullMQ's range covers 24 days; then it starts over.
 */
export function priorityOf(createdAtMs: number): number {
  return 1 + (Math.floor(createdAtMs / 1000) % MAX_PRIORITY);
}

/** The four queues on one connection. */
export function createQueues(connection: Redis, prefix: string): Queues {
  const queue = (name: QueueName) => {
    const made = new Queue(name, {
      prefix,
      connection,
      // a producer must fail fast: with these two, add() rejects at once while Redis is away and works again afterwards
      skipWaitingForReady: true,
      skipVersionCheck: true,
      streams: { events: { maxLen: 2_000 } },
      defaultJobOptions: {
        attempts: UNLIMITED_ATTEMPTS,
        backoff: { type: STORED_BACKOFF },
        stackTraceLimit: 1,
        keepLogs: KEEP_LOG_ROWS,
        sizeLimit: 2_048,
      },
    });
    made.on('error', () => {}); // the connection's own handler logs it, once
    return made;
  };
  return {
    verifications: queue('verifications'),
    sms: queue('sms'),
    call: queue('call'),
    callbacks: queue('callbacks'),
  };
}
