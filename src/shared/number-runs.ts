import type { EpochMs } from './clock.ts';
import type { Keys } from './keys.ts';
import { hashNumber, prefixOf } from './phone-number.ts';
import type { RunScript } from './redis-scripts.ts';

/** So many numbers in a row are no coincidence. */
export const MIN_RUN = 5;
/** How long a number counts as lately asked for. */
const RUN_WINDOW_MS = 10 * 60_000;
/** Neighbours in a run are at most so far apart: whoever walks through a block may skip some. */
const MAX_GAP = 10;
/** Runs are not followed farther than this to either side. */
const REACH = 5 * MAX_GAP;

export type NumberRuns = ReturnType<typeof createNumberRuns>;

/** Sees when the numbers of a block are asked for one after the other, as no real users are. */
export function createNumberRuns({
  runScript,
  keys,
  numberKey,
}: {
  runScript: RunScript;
  keys: Keys;
  numberKey: () => Promise<string>;
}) {
  return {
    /**
     * How many numbers lie in a row with this one, itself included, of those asked for in the last 10 minutes; runs of
     * less than {@link MIN_RUN} are not told apart.
     *
     * @param dryRun - the number is not remembered.
     */
    async lengthAt(number: string, now: EpochMs, { dryRun }: { dryRun: boolean }): Promise<number> {
      // a keyed hash, because with the last digits under it the prefix would tell the whole number
      const key = keys.numberRun(hashNumber(await numberKey(), prefixOf(number)));
      const own = Number(number.slice(-4));
      const args = [dryRun ? 'look' : 'note', own, Math.floor(now), RUN_WINDOW_MS, MIN_RUN, MAX_GAP, REACH];
      return (await runScript('noteNumber', [key], args)) as number;
    },
  };
}
