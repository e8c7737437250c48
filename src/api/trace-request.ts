import type { RequestHandler } from 'express';
import { setOffBy } from '../shared/origin.ts';
import type { Tracing } from '../shared/tracing.ts';

/** Probes and pages are asked for all the time and lead to nothing. */
const TRACED = /^\/(v1|demo)\//;

/** Makes each request a span, named by its route's template; what follows from it is its child. */
export function createTraceRequest(tracing: Tracing): RequestHandler {
  return (request, response, next) => {
    if (!TRACED.test(request.path)) return next();
    const { method } = request;
    const span = tracing.begin(method, 'server', { 'http.request.method': method });
    response.once('close', () => {
      const path: unknown = request.route?.path;
      if (typeof path === 'string') {
        span.rename(`${method} ${request.baseUrl}${path}`);
        span.set({ 'http.route': request.baseUrl + path });
      }
      span.set({ 'http.response.status_code': response.statusCode });
      if (response.statusCode >= 500) span.fail(String(response.statusCode));
      span.end();
    });
    setOffBy(span.origin, next);
  };
}
