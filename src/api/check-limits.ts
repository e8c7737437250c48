import { type Allowances, type Counter, counterOf } from '../shared/allowances.ts';
import type { Clock } from '../shared/clock.ts';
import type { CheckResult } from '../shared/decide.ts';
import type { FamiliarClients } from '../shared/familiar-clients.ts';
import type { Keys } from '../shared/keys.ts';
import type { LimitsConfig } from '../shared/limit.ts';
import { findingsOf, sourceOf } from '../shared/limits.ts';
import type { Verification } from '../shared/verification.ts';
import { rateLimited } from './rate-limit.ts';
import type { RecordFinding } from './record-finding.ts';

export type CheckLimits = ReturnType<typeof createCheckLimits>;

interface Deps {
  allowances: Allowances;
  familiar: FamiliarClients;
  keys: Keys;
  config: LimitsConfig;
  clock: Clock;
  onFinding: RecordFinding;
}

/** Builds the limits on checks: how many in a second for one verification, how many wrong ones in a day for one number. */
export function createCheckLimits({ allowances, familiar, keys, config, clock, onFinding }: Deps) {
  async function failures(v: Verification, roles: { judged: boolean; counted: boolean }): Promise<Counter[]> {
    const client = v.client ?? null;
    const isFamiliar = await familiar.has(v.numberHash, client);
    return [
      ...counterOf(keys, 'failed-checks', config.failedChecks, sourceOf(v.numberHash, client), roles),
      ...(isFamiliar ? [] : counterOf(keys, 'failed-checks-total', config.failedChecksTotal, v.numberHash, roles)),
    ];
  }

  return {
    /** Counts a check. @throws {ProblemError} `rate-limited`, and then it was not counted. */
    async admit(v: Verification, token: string): Promise<void> {
      const counters = [
        ...counterOf(keys, 'checks', config.checks, v.id, {}),
        ...(await failures(v, { judged: true, counted: false })),
      ];
      const findings = findingsOf(await allowances.judge(counters, token, clock.now(), { dryRun: false }));
      for (const finding of findings) onFinding(finding, v);
      const refusal = findings.find(({ mode }) => mode === 'enforce')?.verdict;
      if (refusal?.kind === 'limited') throw rateLimited(refusal);
    },

    /** Notes how a check ended. */
    async note(v: Verification, token: string, result: CheckResult): Promise<void> {
      if (result === 'approved' && v.client !== undefined) await familiar.add(v.numberHash, v.client);
      if (result === 'wrong' || result === 'inconclusive')
        await allowances.judge(await failures(v, { judged: false, counted: true }), token, clock.now(), {
          dryRun: false,
        });
    },
  };
}
