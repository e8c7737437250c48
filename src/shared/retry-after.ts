import type { EpochMs } from './clock.ts';

/**
 * Reads a `Retry-After` header (RFC 9110 section 10.2.3), given in seconds or as an HTTP date.
 *
 * @param value - the header's value; SignalWire and webhook receivers send either form, or nothing.
 * @param now - what a date is measured against.
 * @returns milliseconds from `now`, never negative; undefined when the header is absent or unreadable.
 */
export function parseRetryAfter(value: string | null | undefined, now: EpochMs): number | undefined {
  const text = value?.trim() ?? '';
  if (/^\d{1,9}(\.\d+)?$/.test(text)) return Math.round(Number(text) * 1000);
  if (!/[a-z]{3}/i.test(text)) return undefined; // Date.parse reads almost anything: a date here names its month
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
