import type { DecisionLog } from '../shared/decision-log.ts';
import type { Metrics } from '../shared/metrics.ts';
import type { Finding } from '../shared/screening.ts';

/** Whose request it was, and for which number; a verification and an applicant both tell. */
export interface Judged {
  owner: string;
  masked: string;
}

export type RecordFinding = (finding: Finding, judged: Judged) => void;

/** Builds the record of what rules have against a request: a refused one leaves no other trace. */
export function createRecordFinding(deps: { metrics: Metrics; decisions: Pick<DecisionLog, 'record'> }): RecordFinding {
  const { metrics, decisions } = deps;
  return ({ rule, mode, verdict, detail }, { owner, masked }) => {
    metrics.limitsHit.inc({ limit: rule, mode });
    // the request does not wait for it: what is refused must cost little
    void decisions.record({
      actor: `api-key:${owner}`,
      action: `request.${verdict.kind}`,
      owner,
      subject: masked,
      reason: verdict.kind === 'blocked' ? verdict.reason : verdict.limit,
      data: { rule, mode, detail },
    });
  };
}
