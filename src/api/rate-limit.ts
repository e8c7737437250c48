import type { Response } from 'express';
import { formatDuration } from '../shared/duration.ts';
import type { Outcome, Quota } from '../shared/screening.ts';
import { ProblemError } from './problems.ts';

/**
 * The refusal of a request that is over a limit: it names the limit, and says when to come back.
 *
 * @param quotas - what is left of the others.
 */
export function rateLimited(
  { limit, retryAfterMs }: Extract<Outcome, { kind: 'limited' }>,
  quotas: readonly Quota[] = [],
): ProblemError {
  return new ProblemError(
    'rate-limited',
    `the limit "${limit}" is reached; repeat the request when Retry-After is over`,
    { members: { limit }, retryAfterMs, headers: rateLimitHeaders(quotas) },
  );
}

/** Tells the client what it has left, so that it can slow down before it is refused. */
export function tellQuotas(response: Response, quotas: readonly Quota[]): void {
  response.set(rateLimitHeaders(quotas));
}

/**
 * `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10, structured fields of RFC 9651): a policy for
 * each window, such as `"number:10m";q=5;w=600`, and what remains of it, `"number:10m";r=3;t=412`.
 */
function rateLimitHeaders(quotas: readonly Quota[]): Record<string, string> {
  if (quotas.length === 0) return {};
  const name = ({ limit, windowMs }: Quota) => `"${limit}:${formatDuration(windowMs)}"`;
  return {
    'ratelimit-policy': quotas.map((q) => `${name(q)};q=${q.count};w=${q.windowMs / 1_000}`).join(', '),
    ratelimit: quotas.map((q) => `${name(q)};r=${q.remaining};t=${Math.ceil(q.resetMs / 1_000)}`).join(', '),
  };
}
