import type { Logger } from 'pino';
import type { AuditLog } from '../shared/audit-log.ts';
import type { Metrics } from '../shared/metrics.ts';
import type { Finding } from '../shared/screening.ts';

/** Whose request it was, and for which number; a verification and an applicant both tell. */
export interface Judged {
  owner: string;
  masked: string;
  numberHash: string;
}

export type RecordFinding = (finding: Finding, judged: Judged) => void;

/** Builds the record of what rules have against a request: a refused one leaves no other trace. */
export function createRecordFinding(deps: {
  metrics: Metrics;
  audit: Pick<AuditLog, 'record'>;
  log: Logger;
}): RecordFinding {
  const { metrics, audit, log } = deps;
  return ({ rule, mode, verdict, detail }, { owner, masked, numberHash }) => {
    metrics.limitsHit.inc({ limit: rule, mode });
    const entry = {
      actor: owner,
      action: `request.${verdict.kind}`,
      subject: masked,
      data: { rule, mode, detail, number_hash: numberHash },
    };
    // the request does not wait for it: what is refused must cost little
    audit.record(entry).catch((error: unknown) => log.error({ err: error }, 'a finding is missing in the audit log'));
  };
}
