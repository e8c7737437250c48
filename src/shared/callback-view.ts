import type { Callback } from './callback.ts';

/** A callback as the API shows it. */
export function callbackView(c: Callback) {
  return {
    id: c.id,
    object: 'callback' as const,
    event_id: c.eventId,
    type: c.type,
    sequence: c.sequence,
    verification_id: c.verificationId,
    endpoint: c.endpointId,
    url: c.url,
    status: c.status,
    deliveries: c.deliveries.map((d) => ({
      at: new Date(d.at).toISOString(),
      http_status: d.httpStatus,
      detail: d.detail,
      latency_ms: d.latencyMs,
      ...(d.answer !== undefined && { answer: d.answer }),
    })),
    next_delivery_at: c.nextAt === null ? null : new Date(c.nextAt).toISOString(),
    created_at: new Date(c.createdAt).toISOString(),
  };
}
