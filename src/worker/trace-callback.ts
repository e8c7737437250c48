import { inSpan, type Tracing } from '../shared/tracing.ts';
import type { PostCallback } from './callback-request.ts';

/** Makes each delivery of a callback a span, with its outcome. */
export function traceCallback(post: PostCallback, tracing: Tracing): PostCallback {
  return (callback) => {
    const span = tracing.begin('POST callback', 'client', {
      'http.request.method': 'POST',
      'ringback.event.id': callback.eventId,
    });
    return inSpan(span, async () => {
      const delivery = await post(callback);
      const httpStatus = 'httpStatus' in delivery ? delivery.httpStatus : null;
      span.set({
        'ringback.outcome': delivery.kind,
        ...(httpStatus !== null && { 'http.response.status_code': httpStatus }),
      });
      if (delivery.kind !== 'delivered') span.fail(delivery.kind);
      return delivery;
    });
  };
}
