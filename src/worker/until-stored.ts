import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';

/** Long enough for an operator's short mistake; whatever is not stored by then, others find out about. */
const PATIENCE_MS = 60_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

/**
 * Stores what has happened and cannot be undone, again and again while Redis refuses: full (`OOM`), read-only or loading.
 * A connection that is lost is not refused: its commands wait by themselves.
 *
 * @throws what Redis said last, when it still refuses after a minute.
 */
export async function untilStored<T>(log: Logger, store: () => Promise<T>): Promise<T> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    try {
      return await store();
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
      log.warn({ reason: error instanceof Error ? error.message : String(error) }, 'a result could not be stored yet');
      await pause(pauseMs);
    }
  }
}
