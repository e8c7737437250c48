import { expect, it } from 'vitest';
import { faults, isClean, table } from '../chaos/report.ts';
import { runChaos } from '../chaos/run.ts';

const SEED = 5;
const TIMEOUT_MS = 300_000;

it.each([
  // as many as a primary has: with fewer, a replica that still follows a primary that was replaced may confirm its writes
  ['sentinel', 1, 2],
  ['cluster', 4, 1],
] as const)(
  'keeps its promises while primaries die, on a %s, with %i partitions, when all replicas (%i) have to confirm',
  { timeout: TIMEOUT_MS },
  async (redis, partitions, waitReplicas) => {
    const result = await runChaos({
      seed: SEED,
      redis,
      partitions,
      waitReplicas,
      verifications: 25,
      faultsMs: 20_000,
      cancelTheRest: true,
      log: () => {},
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });

    expect(isClean(result), `seed ${SEED}\n${table(result)}\n${faults(result)}`).toBe(true);
    expect(result.audit.sends).toBeGreaterThan(0); // those who send nothing break no promise
    expect(result.outages.get('redis killed')).toBeGreaterThan(0);
  },
);
