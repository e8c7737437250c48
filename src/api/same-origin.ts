import type { Request, RequestHandler } from 'express';
import { ProblemError } from './problems.ts';

/**
 * Refuses whatever another site's page could make a signed-in browser send (OWASP's Fetch Metadata defence): everything
 * but reading must come from our own pages. Requests without those headers, as scripts send them, carry their own
 * credentials and no browser's, but an old browser is told by its `Origin`.
 */
export const refuseCrossSite: RequestHandler = (request, _response, next) => {
  if (request.method !== 'GET' && request.method !== 'HEAD' && !isSameOrigin(request)) {
    throw new ProblemError('forbidden', 'this request did not come from our own page');
  }
  next();
};

/** Whether a request comes from a page of this very host. */
export function isSameOrigin(request: Request): boolean {
  const site = request.get('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin';
  const origin = request.get('origin');
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === request.get('host');
}
