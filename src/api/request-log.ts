import { AsyncLocalStorage } from 'node:async_hooks';
import type { RequestHandler } from 'express';
import type { Logger } from 'pino';
import type { Metrics } from '../shared/metrics.ts';

/** One line and one measurement for every answered request: the route's template, never the address itself. */
export function createRequestLog({ log, metrics }: { log: Logger; metrics: Metrics }): RequestHandler {
  return (request, response, next) => {
    const startedAt = performance.now();
    const tell = () => {
      const route = typeof request.route?.path === 'string' ? request.route.path : 'none';
      const seconds = (performance.now() - startedAt) / 1000;
      metrics.httpDuration.observe({ method: request.method, route, status: response.statusCode }, seconds);
      log.info(
        {
          key: response.locals['owner'],
          method: request.method,
          route,
          status: response.statusCode,
          ms: Math.round(seconds * 1000),
        },
        'request',
      );
    };
    response.once('finish', AsyncLocalStorage.bind(tell)); // which is emitted outside of the request
    next();
  };
}
