import type { ErrorCode, RingbackError } from './errors.ts';

/** They say that nothing was done, so anything may be asked again, even a check. */
const NOTHING_DONE = new Set<ErrorCode>(['rate-limited', 'checks-in-flight', 'provider-unavailable']);
/** They leave open whether it was done: to be asked again only if doing it twice does no harm. */
const PERHAPS_DONE = new Set<ErrorCode>(['unreachable', 'timeout', 'unavailable', 'idempotency-key-in-use']);
/** What a proxy answers for a service that is away. */
const GATEWAY_STATUSES = new Set([502, 503, 504]);

const BASE_MS = 500;
const MAX_MS = 8_000;
/** A service that asks for more patience than this is obeyed by giving up: the caller decides. */
const MAX_RETRY_AFTER_MS = 10_000;

/**
 * Wait before a call is repeated, in milliseconds: `Retry-After`, and on top anything up to a bound that doubles with
 * each try (full jitter). Undefined when it must not be repeated.
 *
 * @param repeatable - whether doing it twice does no harm.
 * @param tries - made so far, counting from 1.
 * @param random - from 0 up to 1.
 */
export function retryInMs(
  error: RingbackError,
  repeatable: boolean,
  tries: number,
  random: number,
): number | undefined {
  const { code, status = 0, retryAfterMs = 0 } = error;
  const gateway = code === 'unexpected-answer' && GATEWAY_STATUSES.has(status);
  const allowed = NOTHING_DONE.has(code) || (repeatable && (PERHAPS_DONE.has(code) || gateway));
  if (!allowed || retryAfterMs > MAX_RETRY_AFTER_MS) return undefined;
  return retryAfterMs + Math.floor(random * Math.min(MAX_MS, BASE_MS * 2 ** (tries - 1)));
}
