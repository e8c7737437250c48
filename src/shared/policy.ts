import type { Config } from './config.ts';
import type { Policy } from './decide.ts';

/** A request leaves within 2 s of its intent or not at all; the contract's section 3. */
export const LEAVE_WITHIN_MS = 2_000;
/** What storing the result may take on top, before a silent try counts as lost. */
const RESULT_GRACE_MS = 1_000;

/** What the configuration says about decisions. */
export function policyOf(config: Config): Policy {
  const { sending } = config;
  return {
    sendTries: sending.tries,
    backoffMs: sending.backoffMs,
    backoffMaxMs: sending.backoffMaxMs,
    intentTtlMs: LEAVE_WITHIN_MS + sending.timeoutMs + RESULT_GRACE_MS,
    resendCooldownMs: sending.resendCooldownMs,
    numberRetentionMs: config.numberRetentionMs,
  };
}
