import { type ByName, valueFor } from './by-name.ts';
import type { Channel } from './channel.ts';
import type { Attempt } from './verification.ts';
import type { Change } from './verification-store.ts';

/** What codes cost, as the operator says: in millionths of their currency, by ISO 3166-1 alpha-2 code. */
export type Prices = Record<Channel, ByName<number>>;

export const MILLION = 1_000_000;

/** What one code costs, in millionths. @param country - null: it belongs to none. */
export function priceOf(prices: Prices, channel: Channel, country: string | null): number {
  return valueFor(prices[channel], country ?? '');
}

/** Those that may still cost something, or did. What was certainly not sent is not charged. */
const CHARGED: ReadonlySet<Attempt['status']> = new Set(['queued', 'sending', 'sent', 'unknown']);

/**
 * What a change adds to what is spent, in millionths, by the day (UTC, `YYYY-MM-DD`) on which the code's turn came. A code
 * counts from then on, lest a queue of them run past the budget, and is taken back when it was not sent after all.
 */
export function costOf({ before, after }: Change, prices: Prices): Map<string, number> {
  const cost = new Map<string, number>();
  for (const attempt of after.attempts) {
    const was = before?.attempts.find(({ id }) => id === attempt.id);
    const charged = CHARGED.has(attempt.status);
    if (charged === (was !== undefined && CHARGED.has(was.status))) continue;
    const price = priceOf(prices, attempt.channel, after.country);
    const day = dayOf(attempt.startedAt);
    cost.set(day, (cost.get(day) ?? 0) + (charged ? price : -price));
  }
  return cost;
}

/** The day of a moment, UTC, `YYYY-MM-DD`. */
export function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
