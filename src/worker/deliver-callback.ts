import { type Job, UnrecoverableError } from 'bullmq';
import type { Logger } from 'pino';
import type { Callback, DeliveryRecord } from '../shared/callback.ts';
import { type CallbackEndpoint, signingSecrets } from '../shared/callback-endpoint.ts';
import { callbackDelayMs } from '../shared/callback-schedule.ts';
import type { CallbackStore, StoredCallback } from '../shared/callback-store.ts';
import type { Clock, EpochMs } from '../shared/clock.ts';
import type { EndpointEvents } from '../shared/endpoint-events.ts';
import type { EndpointStore } from '../shared/endpoint-store.ts';
import type { Errands } from '../shared/errands.ts';
import type { Metrics } from '../shared/metrics.ts';
import { CallbackJob } from '../shared/queues.ts';
import { NotReplicatedError } from '../shared/replication.ts';
import type { StoryFact } from '../shared/story.ts';
import { logStory } from '../shared/story-log.ts';
import { callbackSentence } from '../shared/story-words.ts';
import type { Tallies } from '../shared/tallies.ts';
import type { PostCallback, Delivery as PostedDelivery } from './callback-request.ts';
import { RetryLater, sleepUntil } from './retry-later.ts';
import type { TargetSlots } from './target-slots.ts';
import { untilStored } from './until-stored.ts';

/** How one run ended; `withdrawn`: nothing was sent, because the endpoint is gone or disabled. */
type Delivery = PostedDelivery | { kind: 'withdrawn'; detail: string; latencyMs: number };

/** An endpoint that only failed for so long, and so often, is disabled. */
const FAILING_AFTER_MS = 5 * 24 * 60 * 60_000;
const FAILING_LEAST = 10;

/** When to ask again whether replicas have a callback. */
const REPLICAS_AGAIN_MS = 500;

interface Deps {
  callbacks: CallbackStore;
  endpoints: EndpointStore;
  endpointEvents: EndpointEvents;
  tellInLog: Errands['tellInLog'];
  slots: TargetSlots;
  post: PostCallback;
  clock: Clock;
  metrics: Metrics;
  tallies: Pick<Tallies, 'countDelivery'>;
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
  const { callbacks, endpoints, endpointEvents, slots, post, clock, metrics, log } = deps;

  return async function deliverCallback(job: Job, jobToken: string | undefined): Promise<string> {
    const parsed = CallbackJob.safeParse(job.data);
    if (!parsed.success) throw new UnrecoverableError('set aside: the data of this job is not that of a callback');
    const stored = await callbacks.read(parsed.data.callback_id);
    if (stored === undefined) throw new UnrecoverableError('set aside: there is no such callback');
    const { callback } = stored;
    if (callback.status !== 'pending') return callback.status;
    if (callback.nextAt !== null && callback.nextAt > clock.now())
      return sleepUntil(job, jobToken, callback.nextAt, clock);

    const endpoint = await endpointOf(callback);
    const target = callback.endpointId ?? originOf(callback.url);
    const slot = slots.take(target);
    if ('waitMs' in slot) {
      const waitMs = slot.waitMs * (0.75 + 0.5 * deps.random()); // spread, so that not all ask at once
      return sleepUntil(job, jobToken, clock.now() + waitMs, clock);
    }
    const startedAt = clock.now();
    const delivery = await confirmed(stored)
      .then(() => deliver(stored, endpoint))
      .finally(slot.giveBack);
    metrics.deliveries.inc({ outcome: delivery.kind });
    deps.tallies.countDelivery(callback.owner, target, delivery.kind, delivery.latencyMs);
    const after = await untilStored(log, () => record(stored, delivery, startedAt));
    if (endpoint !== undefined && endpoint !== null) await judgeEndpoint(endpoint, delivery);
    if (delivery.kind === 'delivered') metrics.callbackDelay.observe((clock.now() - after.createdAt) / 1000);
    if (after.status === 'delivered') return 'delivered';
    const reason = describe(delivery);
    if (after.nextAt !== null) throw new RetryLater(reason, after.nextAt - clock.now());
    throw new UnrecoverableError(`${after.status}: ${reason}`);
  };

  /** @throws {RetryLater} when replicas do not have it yet. */
  async function confirmed(stored: StoredCallback): Promise<void> {
    const unchanged = await callbacks.confirm(stored).catch((error: unknown) => {
      if (error instanceof NotReplicatedError) throw new RetryLater(error.message, REPLICAS_AGAIN_MS);
      throw error;
    });
    if (!unchanged) throw new RetryLater('it changed meanwhile', 0);
  }

  /** The callback's endpoint as it is now; undefined when it was deleted, null when it is for no endpoint. */
  async function endpointOf({ owner, endpointId }: Callback): Promise<CallbackEndpoint | undefined | null> {
    return endpointId === null ? null : endpoints.read(owner, endpointId);
  }

  function deliver(
    { callback, body }: StoredCallback,
    endpoint: CallbackEndpoint | undefined | null,
  ): Promise<Delivery> {
    const { eventId, type } = callback;
    if (endpoint === null) return post({ url: callback.url, eventId, body });
    if (endpoint === undefined || (endpoint.disabled && type !== 'callback_endpoint.test')) {
      const detail = `not sent: the endpoint ${endpoint ? 'is disabled' : 'was deleted'}`;
      return Promise.resolve({ kind: 'withdrawn', detail, latencyMs: 0 });
    }
    return post({ url: endpoint.url, eventId, body, secrets: signingSecrets(endpoint, clock.now()) });
  }

  /** An endpoint that says 410, or that has only failed for days, gets nothing more until somebody enables it again. */
  async function judgeEndpoint(endpoint: CallbackEndpoint, delivery: Delivery): Promise<void> {
    if (delivery.kind === 'withdrawn') return;
    const failures = await endpoints.noteDelivery(endpoint.id, delivery.kind === 'delivered', clock.now());
    const hopeless =
      failures !== undefined && failures.count >= FAILING_LEAST && clock.now() - failures.since >= FAILING_AFTER_MS;
    const reason = delivery.kind === 'gone' ? 'gone' : hopeless ? 'failing' : undefined;
    if (reason === undefined || !(await endpointEvents.disable(endpoint, reason))) return;
    metrics.endpointsDisabled.inc({ reason });
    log.error({ endpoint: endpoint.id, reason }, 'a callback endpoint was disabled');
  }

  /** Stores a delivery. Another run may have stored one meanwhile: then both stand in the log. */
  async function record(before: StoredCallback, delivery: Delivery, startedAt: number): Promise<Callback> {
    let stored: StoredCallback | undefined = before;
    while (stored !== undefined) {
      const after = applyDelivery(stored.callback, delivery, startedAt);
      const told = tellDelivery(after, delivery, clock.now());
      if (await callbacks.save(stored, after, told)) {
        const { verificationId: id } = after;
        logStory(log, { id }, [told], callbackSentence);
        // cosmetic: the job may be gone, and Redis too
        if (id !== null) await deps.tellInLog(id, [told], callbackSentence).catch(() => {});
        return after;
      }
      stored = await callbacks.read(before.callback.id);
    }
    return applyDelivery(before.callback, delivery, startedAt);
  }

  function applyDelivery(callback: Callback, delivery: Delivery, startedAt: number): Callback {
    const httpStatus = 'httpStatus' in delivery ? delivery.httpStatus : null;
    const entry: DeliveryRecord = {
      at: startedAt,
      httpStatus,
      detail: describe(delivery),
      latencyMs: Math.round(delivery.latencyMs),
      ...('answer' in delivery && delivery.answer !== undefined && { answer: delivery.answer }),
    };
    const after: Callback = { ...callback, deliveries: [...callback.deliveries, entry] };
    if (delivery.kind === 'delivered') return { ...after, status: 'delivered', nextAt: null }; // whatever another run met
    if (callback.status !== 'pending') return after; // the other run has settled it
    // one that was withheld can be replayed once its endpoint is enabled again
    if (delivery.kind === 'withdrawn') return { ...after, status: 'exhausted', nextAt: null };
    if (delivery.kind !== 'failed') return { ...after, status: delivery.kind, nextAt: null };
    const made = after.deliveries.length - after.scheduleFrom;
    const scheduled = callbackDelayMs(deps.retryScheduleMs, made, deps.random());
    if (scheduled === undefined) return { ...after, status: 'exhausted', nextAt: null };
    return { ...after, nextAt: clock.now() + Math.max(scheduled, delivery.retryAfterMs ?? 0) };
  }
}

/** A delivery as the verification's story tells it. */
function tellDelivery(after: Callback, delivery: Delivery, now: EpochMs): StoryFact {
  const kind = delivery.kind === 'delivered' ? 'delivered' : after.status === 'pending' ? 'failed' : after.status;
  return {
    type: `callback.${kind}`,
    at: Math.floor(now),
    callback: after.id,
    event: after.type,
    host: URL.canParse(after.url) ? new URL(after.url).host : after.url,
    delivery: after.deliveries.length,
    tookMs: Math.round(delivery.latencyMs),
    ...(delivery.kind !== 'delivered' && { detail: describe(delivery) }),
    ...(after.nextAt !== null && { retryInMs: Math.max(0, Math.floor(after.nextAt - now)) }),
  };
}

function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : url;
}

function describe(delivery: Delivery): string {
  if ('detail' in delivery) return delivery.detail;
  return `answered ${delivery.httpStatus}`;
}
