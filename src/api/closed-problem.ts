import type { Verification } from '../shared/verification.ts';
import { verificationView } from '../shared/verification-view.ts';
import { ProblemError } from './problems.ts';

/** The refusal of anything that a closed verification no longer allows, with how it ended. */
export function closedProblem(v: Verification): ProblemError {
  const outcome = `${v.status}${v.reason ? ` (${v.reason})` : ''}`;
  return new ProblemError('verification-closed', `the verification is closed: ${outcome}`, {
    // RFC 9457 gives `status` to the HTTP status, so the verification's own stands inside it and beside it
    members: { verification_status: v.status, reason: v.reason, verification: verificationView(v, 'full') },
  });
}
