import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import type { Metrics } from '../shared/metrics.ts';
import { parseTraceparent } from '../shared/trace-context.ts';

/** One line and one measurement for every answered request: the route's template, never the address itself. */
export function createRequestLog({ log, metrics }: { log: Logger; metrics: Metrics }): RequestHandler {
  return (request, response, next) => {
    const startedAt = performance.now();
    response.once('finish', () => {
      const route = typeof request.route?.path === 'string' ? request.route.path : 'none';
      const seconds = (performance.now() - startedAt) / 1000;
      metrics.httpDuration.observe({ method: request.method, route, status: response.statusCode }, seconds);
      const { requestId, owner } = response.locals;
      log.info(
        {
          requestId,
          trace_id: parseTraceparent(request.get('traceparent'))?.traceId, // as log collectors know it
          key: owner,
          method: request.method,
          route,
          status: response.statusCode,
          ms: Math.round(seconds * 1000),
        },
        'request',
      );
    });
    next();
  };
}
