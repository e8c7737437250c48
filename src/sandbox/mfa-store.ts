import { randomInt, randomUUID } from 'node:crypto';
import type { Clock, EpochMs } from '../shared/clock.ts';
import type { Channel } from './behaviour.ts';
import type { SendRequest } from './mfa-request.ts';

/** A code that was accepted, under the id that a check names. */
export interface Mfa {
  readonly id: string;
  readonly to: string;
  readonly channel: Channel;
  readonly code: string;
}

interface LiveMfa extends Mfa {
  readonly expiresAt: EpochMs;
  attemptsLeft: number;
  verified: boolean;
}

/** Makes a code; a test may pass its own. */
export type MakeCode = (options: { length: number; alphas: boolean }) => string;

/** Far more than are ever alive at once; the oldest are forgotten, as if expired. */
const MAX_KEPT = 100_000;

const DIGITS = '0123456789';
const ALPHAS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Makes a code from the system's secure random numbers. */
export const makeRandomCode: MakeCode = ({ length, alphas }) => {
  const alphabet = alphas ? DIGITS + ALPHAS : DIGITS;
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
};

/** The codes that are out, each with its own id, attempts and deadline: a new one never ends an older one. */
export function createMfaStore({ clock, makeCode }: { clock: Clock; makeCode: MakeCode }) {
  const byId = new Map<string, LiveMfa>();

  function isOver(mfa: LiveMfa): boolean {
    return mfa.verified || mfa.attemptsLeft <= 0 || clock.now() >= mfa.expiresAt;
  }

  function forgetOldest(): void {
    for (const [id, mfa] of byId) {
      if (byId.size <= MAX_KEPT && !isOver(mfa)) return;
      byId.delete(id);
    }
  }

  return {
    create(channel: Channel, request: SendRequest): Mfa {
      forgetOldest();
      const mfa: LiveMfa = {
        id: randomUUID(),
        to: request.to,
        channel,
        code: makeCode({ length: request.tokenLength, alphas: request.allowAlphas }),
        expiresAt: clock.now() + request.validForSeconds * 1_000,
        attemptsLeft: request.maxAttempts,
        verified: false,
      };
      byId.set(mfa.id, mfa);
      return mfa;
    },

    find(id: string): Mfa | undefined {
      return byId.get(id);
    },

    /**
     * Checks a code and counts the attempt, right or wrong. `gone`: no such id, or it is verified, used up or expired, which
     * SignalWire's answer does not tell apart.
     */
    verify(id: string, token: string): 'right' | 'wrong' | 'gone' {
      const mfa = byId.get(id);
      if (mfa === undefined || isOver(mfa)) return 'gone';
      mfa.attemptsLeft -= 1;
      mfa.verified = mfa.code === token;
      return mfa.verified ? 'right' : 'wrong';
    },

    clear() {
      byId.clear();
    },
  };
}

/** The store of one stand-in. */
export type MfaStore = ReturnType<typeof createMfaStore>;
