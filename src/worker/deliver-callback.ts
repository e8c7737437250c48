import { type Job, UnrecoverableError } from 'bullmq';
import type { Logger } from 'pino';
import type { Callback } from '../shared/callback.ts';
import { callbackDelayMs } from '../shared/callback-schedule.ts';
import type { CallbackStore, StoredCallback } from '../shared/callback-store.ts';
import type { Clock } from '../shared/clock.ts';
import type { Metrics } from '../shared/metrics.ts';
import { CallbackJob } from '../shared/queues.ts';
import type { Delivery, PostCallback } from './callback-request.ts';
import { RetryLater, sleepUntil } from './retry-later.ts';
import { untilStored } from './until-stored.ts';

interface Deps {
  callbacks: CallbackStore;
  post: PostCallback;
  clock: Clock;
  metrics: Metrics;
  log: Logger;
  /** `CALLBACK_RETRY_SCHEDULE`, ms */
  retryScheduleMs: readonly number[];
  /** From 0 up to 1. */
  random: () => number;
}

/**
 * Builds the processor of the `callbacks` queue: one run is one delivery. The deliveries made and the moment of the next
 * one stand in the store, so a job that was lost and put back goes on where it was.
 */
export function createDeliverCallback(deps: Deps) {
  const { callbacks, post, clock, metrics, log } = deps;

  return async function deliverCallback(job: Job, jobToken: string | undefined): Promise<string> {
    const parsed = CallbackJob.safeParse(job.data);
    if (!parsed.success) throw new UnrecoverableError('set aside: the data of this job is not that of a callback');
    const stored = await callbacks.read(parsed.data.callback_id);
    if (stored === undefined) throw new UnrecoverableError('set aside: there is no such callback');
    const { callback } = stored;
    if (callback.status !== 'pending') return callback.status;
    if (callback.nextAt !== null && callback.nextAt > clock.now())
      return sleepUntil(job, jobToken, callback.nextAt, clock);

    const startedAt = clock.now();
    const delivery = await post({ url: callback.url, eventId: callback.eventId, body: stored.body });
    metrics.deliveries.inc({ outcome: delivery.kind });
    const after = await untilStored(log, () => record(stored, delivery, startedAt));
    log.info(
      {
        callback: callback.id,
        event: callback.eventId,
        type: callback.type,
        verification: callback.verificationId,
        outcome: delivery.kind,
        httpStatus: 'httpStatus' in delivery ? delivery.httpStatus : null,
        delivery: after.deliveries.length,
        ms: Math.round(delivery.latencyMs),
      },
      'callback delivery ended',
    );
    if (after.status === 'delivered') return 'delivered';
    const reason = describe(delivery);
    if (after.nextAt !== null) throw new RetryLater(reason, after.nextAt - clock.now());
    throw new UnrecoverableError(`${after.status}: ${reason}`);
  };

  /** Stores a delivery. Another run may have stored one meanwhile: then both stand in the log. */
  async function record(before: StoredCallback, delivery: Delivery, startedAt: number): Promise<Callback> {
    let stored: StoredCallback | undefined = before;
    while (stored !== undefined) {
      const after = applyDelivery(stored.callback, delivery, startedAt);
      if (await callbacks.save(stored, after)) return after;
      stored = await callbacks.read(before.callback.id);
    }
    return applyDelivery(before.callback, delivery, startedAt);
  }

  function applyDelivery(callback: Callback, delivery: Delivery, startedAt: number): Callback {
    const httpStatus = 'httpStatus' in delivery ? delivery.httpStatus : null;
    const entry = { at: startedAt, httpStatus, detail: describe(delivery), latencyMs: Math.round(delivery.latencyMs) };
    const after: Callback = { ...callback, deliveries: [...callback.deliveries, entry] };
    if (delivery.kind === 'delivered') return { ...after, status: 'delivered', nextAt: null }; // whatever another run met
    if (callback.status !== 'pending') return after; // the other run has settled it
    if (delivery.kind !== 'failed') return { ...after, status: delivery.kind, nextAt: null };
    const made = after.deliveries.length - after.scheduleFrom;
    const scheduled = callbackDelayMs(deps.retryScheduleMs, made, deps.random());
    if (scheduled === undefined) return { ...after, status: 'exhausted', nextAt: null };
    return { ...after, nextAt: clock.now() + Math.max(scheduled, delivery.retryAfterMs ?? 0) };
  }
}

function describe(delivery: Delivery): string {
  if ('detail' in delivery) return delivery.detail;
  return `answered ${delivery.httpStatus}`;
}
