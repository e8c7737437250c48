/** Enough doublings for any cap; more would only risk overflow. */
const MAX_DOUBLINGS = 30;

/**
 * Wait before the next try, in milliseconds: anything from nothing up to a bound that doubles with each try. This
 * "full jitter" keeps many workers from coming back at the same moment.
 *
 * @param tryNumber - tries made so far, counting from 1.
 * @param options - `baseMs` is the bound after the first try, `maxMs` the bound's limit; `random` is from 0 up to 1,
 *   passed in so that a test can pin the jitter.
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function fullJitterMs(tryNumber: number, options: { baseMs: number; maxMs: number; random: number }): number {
  const { baseMs, maxMs, random } = options;
  const doublings = Math.min(Math.max(tryNumber - 1, 0), MAX_DOUBLINGS);
  return Math.floor(random * Math.min(maxMs, baseMs * 2 ** doublings));
}
