import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock, EpochMs } from './clock.ts';
import type { E164 } from './phone-number.ts';

/** An entry of `TEST_NUMBERS`: a number that nothing is sent to and whose code is always the same. */
export interface TestNumber {
  number: E164;
  code: string;
  /** From this moment on it is a number like any other. */
  expiresAt: EpochMs;
}

export type TestNumbers = ReturnType<typeof createTestNumbers>;

const PREFIX = 'test_';

/**
 * Stands in for SignalWire where test numbers are concerned, for app-store review and end-to-end tests. All else about
 * such a verification is as ever: queues, timers, limits, checks, callbacks.
 */
export function createTestNumbers(entries: readonly TestNumber[], clock: Clock) {
  const live = () => entries.filter(({ expiresAt }) => clock.now() < expiresAt);
  const find = (number: string) => live().find((entry) => entry.number === number);

  return {
    find,

    /** "Sends" a code. @returns the id that it is checked with; undefined when this is no test number. */
    send(number: string): string | undefined {
      const entry = find(number);
      return entry && idOf(entry);
    },

    /** Checks a code, in constant time. @returns undefined when the id is not one of ours; else as SignalWire would say. */
    check(id: string, code: string): { kind: 'right' | 'wrong' | 'spent' } | undefined {
      if (!id.startsWith(PREFIX)) return undefined;
      const entry = live().find((candidate) => idOf(candidate) === id);
      if (entry === undefined) return { kind: 'spent' };
      return { kind: timingSafeEqual(digest(code), digest(entry.code)) ? 'right' : 'wrong' };
    },
  };
}

/** Of a form that SignalWire's ids (UUIDs) never have; the number cannot be read in it. */
function idOf({ number }: TestNumber): string {
  return PREFIX + digest(number).toString('hex').slice(0, 32);
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
