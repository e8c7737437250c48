import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runScenario, scenario, type Tally } from './model.ts';
import { useStorage } from './storage.ts';

/** Some seconds of them; `STORE_MODEL_RUNS` makes it a thorough search. */
const RUNS = Number(process.env['STORE_MODEL_RUNS'] ?? 200);

const storage = useStorage();

describe('a verification in the store', () => {
  it('keeps its promises whatever happens at the same time, goes wrong or comes late', async () => {
    const tally: Tally = new Map();

    await fc.assert(
      fc.asyncProperty(scenario, (s) => runScenario(storage, s, tally)),
      { numRuns: RUNS },
    );

    // a search that never gets this far proves nothing
    expect([...tally.keys()]).toEqual(
      expect.arrayContaining([
        ...['expired', 'failed', 'canceled', 'asked about a code'],
        ...['attempt: sent', 'attempt: failed', 'attempt: unknown', 'attempt: skipped'],
        ...['conflict', 'claim', 'try: not_left', 'submit: created', 'submit: active'],
      ]),
    );
  }, 600_000);
});
