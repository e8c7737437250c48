import { isSealed } from './number-cipher.ts';
import type { Attempt, Verification } from './verification.ts';
import { MIN_TIME_TO_SEND_MS } from './verification.ts';

const time = (at: number | null) => (at === null ? null : new Date(at).toISOString());

/** An attempt as the API and the callbacks show it. */
export function attemptView(a: Attempt) {
  return {
    id: a.id,
    step: a.step,
    channel: a.channel,
    status: a.status,
    trigger: a.trigger,
    tries: a.tries,
    error: a.error && { code: a.error.code, detail: a.error.detail, http_status: a.error.httpStatus },
    started_at: new Date(a.startedAt).toISOString(),
    sent_at: time(a.sentAt),
  };
}
export type AttemptView = ReturnType<typeof attemptView>;

/** The step that starts by itself when the current one is not used in time, as far as that is certain. */
function nextAttempt(v: Verification) {
  const next = v.workflow[v.currentStep + 1];
  if (v.timerAt === null || next === undefined || v.sends >= v.maxSends) return null;
  if (v.expiresAt - v.timerAt < MIN_TIME_TO_SEND_MS) return null;
  return { channel: next.channel, at: new Date(v.timerAt).toISOString() };
}

/**
 * A verification as the API shows it to the key it belongs to.
 *
 * @param number - `masked` for callbacks and everything else that leaves the owner's own answers.
 */
export function verificationView(v: Verification, number: 'full' | 'masked') {
  return {
    id: v.id,
    object: 'verification' as const,
    status: v.status,
    reason: v.reason,
    to: number === 'full' && !isSealed(v.to) ? v.to : v.masked,
    reference: v.reference,
    metadata: v.metadata,
    workflow: v.workflow,
    current_step: v.currentStep,
    attempts: v.attempts.map(attemptView),
    next_attempt: nextAttempt(v),
    checks: { used: v.checks.used, max: v.checks.max },
    created_at: new Date(v.createdAt).toISOString(),
    expires_at: new Date(v.expiresAt).toISOString(),
    closed_at: time(v.closedAt),
  };
}
export type VerificationView = ReturnType<typeof verificationView>;
