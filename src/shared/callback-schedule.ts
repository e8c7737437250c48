const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * Delays in ms between deliveries, after the first one, which is immediate: 10 deliveries within 27 h 42 min. Like the
 * example of Standard Webhooks (https://www.standardwebhooks.com), with most of them early: a code lives for minutes.
 */
export const DEFAULT_CALLBACK_SCHEDULE: readonly number[] = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  10 * HOUR,
];

const JITTER = 0.15;

/**
 * Delay before the next delivery of a callback, with ±15 % jitter so that callbacks which failed together do not come
 * back together.
 *
 * @param schedule - ms between deliveries; the first entry follows the first delivery.
 * @param deliveriesMade - so far; before the first one there is no delay.
 * @param random - from 0 up to 1; passed in so that a test can pin the jitter.
 * @returns milliseconds, or undefined when the schedule is exhausted.
 */
export function callbackDelayMs(
  schedule: readonly number[],
  deliveriesMade: number,
  random: number,
): number | undefined {
  if (deliveriesMade === 0) return 0;
  const delayMs = schedule[deliveriesMade - 1];
  return delayMs === undefined ? undefined : Math.round(delayMs * (1 - JITTER + 2 * JITTER * random));
}
