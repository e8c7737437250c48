import { z } from 'zod';
import type { Operation, Outcome } from './behaviour.ts';
import { UNAVAILABLE } from './errors.ts';

/** What a visitor of the demo has broken, for every number. */
export const Troubles = z.strictObject({
  /** Texts are accepted, but never arrive. */
  text_lost: z.boolean(),
  /** So many more texts and calls are answered with 503, and every check until then. */
  provider_down: z.int().min(0).max(100),
  /** The receiver of callbacks answers 503. */
  receiver_down: z.boolean(),
});
export type Troubles = z.infer<typeof Troubles>;

const NONE: Troubles = { text_lost: false, provider_down: 0, receiver_down: false };

/** The troubles in force. */
export function createTroubles() {
  let current = NONE;

  return {
    get: (): Troubles => current,

    set(change: Partial<Troubles>): void {
      current = { ...current, ...change };
    },

    decide(operation: Operation): Outcome | undefined {
      if (current.provider_down > 0) {
        if (operation !== 'verify') current = { ...current, provider_down: current.provider_down - 1 };
        return UNAVAILABLE;
      }
      return operation === 'sms' && current.text_lost ? 'accept-unseen' : undefined;
    },

    clear(): void {
      current = NONE;
    },
  };
}

/** The troubles of one stand-in. */
export type TroubleSwitches = ReturnType<typeof createTroubles>;
