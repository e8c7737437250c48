import { expect, it } from 'vitest';
import { faults, isClean, table } from '../chaos/report.ts';
import { runChaos } from '../chaos/run.ts';

const SEED = 20_261;
const TIMEOUT_MS = 180_000;

it('keeps its promises while processes, Redis and the network fail', { timeout: TIMEOUT_MS }, async ({ signal }) => {
  const result = await runChaos({
    seed: SEED,
    redis: 'single',
    partitions: 1,
    waitReplicas: 0,
    verifications: 60,
    faultsMs: 20_000,
    cancelTheRest: true,
    log: () => {},
    signal,
  });

  expect(isClean(result), `seed ${SEED}\n${table(result)}\n${faults(result)}`).toBe(true);
  expect(result.audit.sends).toBeGreaterThan(0); // those who send nothing break no promise
});
