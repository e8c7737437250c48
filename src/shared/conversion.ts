import type { Logger } from 'pino';
import type { Clock, EpochMs } from './clock.ts';
import type { Keys } from './keys.ts';
import { prefixOf } from './phone-number.ts';
import type { RunScript } from './redis-scripts.ts';
import type { Change } from './verification-store.ts';

/** What is looked at: the verifications made in the last hour. */
export const CONVERSION_WINDOW_MS = 60 * 60_000;
/** The latest are left out: people take a while to enter a code. */
const SETTLING_MS = 3 * 60_000;
const BUCKET_MS = 60_000;

/** How many verifications had a code sent, and how many of these were approved. */
export interface Tally {
  sent: number;
  approved: number;
  /** Approved ones among those that are too young for `sent` and `approved`, too. */
  approvedSoFar: number;
}

export type Conversions = ReturnType<typeof createConversions>;

/**
 * Counts how many verifications lead to an approval, for each prefix of numbers and each country. Each one is counted in the
 * minute of its making, sent and approved alike, so that those under way distort nothing.
 */
export function createConversions(deps: {
  runScript: RunScript;
  keys: Keys;
  clock: Clock;
  log: Pick<Logger, 'error'>;
}) {
  const { runScript, keys, clock, log } = deps;
  return {
    /**
     * Counts what a stored change tells. It is done after the change, so a process that dies in between leaves one
     * verification out. It never fails; what could not be counted is logged.
     */
    async count(change: Change): Promise<void> {
      const { sent, approved } = outcomeOf(change);
      if (!sent && !approved) return;
      const { to, country, createdAt } = change.before ?? change.after;
      const oldest = Math.floor((clock.now() - CONVERSION_WINDOW_MS) / BUCKET_MS);
      const args = [
        Math.floor(createdAt / BUCKET_MS),
        Number(sent),
        Number(approved),
        oldest,
        2 * CONVERSION_WINDOW_MS,
      ];
      const subjects = [prefixOf(to), ...(country === null ? [] : [country])];
      await runScript('countOutcome', subjects.map(keys.conversion), args).catch((error: unknown) => {
        log.error({ err: error }, 'an outcome is missing in the conversion');
      });
    },

    /** @param subjects - prefixes of numbers, and countries. */
    async read(subjects: readonly string[], now: EpochMs): Promise<Tally[]> {
      const begin = (at: EpochMs) => Math.floor(at / BUCKET_MS);
      const args = [begin(now - CONVERSION_WINDOW_MS) + 1, begin(now - SETTLING_MS)];
      const found = (await runScript('readConversion', subjects.map(keys.conversion), args)) as number[][];
      return found.map(([sent = 0, approved = 0, approvedSoFar = 0]) => ({ sent, approved, approvedSoFar }));
    },
  };
}

/** What a change adds: a code that was sent for the first time, an approval. */
function outcomeOf({ before, after }: Change): { sent: boolean; approved: boolean } {
  const approved = after.status === 'approved' && before?.status !== 'approved';
  const wasSent = before?.attempts.some(({ status }) => status === 'sent') ?? false;
  // one whose answer was lost counts when it is approved: it was sent after all
  const isSent = approved || after.attempts.some(({ status }) => status === 'sent');
  return { sent: isSent && !wasSent, approved };
}
