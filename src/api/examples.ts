import type { callbackView } from '../shared/callback-view.ts';
import type { ErasureView } from '../shared/erasure.ts';
import type { VerificationView } from '../shared/verification-view.ts';

/** A verification whose text is out; the document and the problem pages show it. */
export const VERIFICATION_EXAMPLE: VerificationView = {
  id: 'ver_3f019a5c7e1b2d4f60718293a4b5c6d7e8',
  object: 'verification',
  status: 'pending',
  reason: null,
  to: '+14045550123',
  reference: 'login-8812',
  metadata: { user: '42' },
  workflow: [{ channel: 'sms', timeout: 45 }, { channel: 'call' }],
  current_step: 0,
  attempts: [
    {
      id: 'att_3f019a5c7e1b2d4f60718293a4b5c6d7e800',
      step: 0,
      channel: 'sms',
      status: 'sent',
      trigger: 'initial',
      tries: 1,
      error: null,
      started_at: '2026-11-23T09:00:00.000Z',
      sent_at: '2026-11-23T09:00:00.412Z',
    },
  ],
  next_attempt: { channel: 'call', at: '2026-11-23T09:00:45.412Z' },
  checks: { used: 1, max: 5 },
  created_at: '2026-11-23T09:00:00.000Z',
  expires_at: '2026-11-23T09:10:00.000Z',
  closed_at: null,
};

/** A callback that was delivered at the second time. */
export const CALLBACK_EXAMPLE: ReturnType<typeof callbackView> = {
  id: 'cb_3f5d0c9e8b7a6f1e2d3c4b5a69788796a5',
  object: 'callback',
  event_id: 'evt_3fa1b2c3d4e5f60718293a4b5c6d7e8f90',
  type: 'verification.attempt.sent',
  sequence: 1,
  verification_id: VERIFICATION_EXAMPLE.id,
  endpoint: null,
  url: 'https://client.example/hooks/ringback',
  status: 'delivered',
  deliveries: [
    { at: '2026-11-23T09:00:00.460Z', http_status: 503, detail: 'answered 503', latency_ms: 87 },
    { at: '2026-11-23T09:00:05.552Z', http_status: 204, detail: 'answered 204', latency_ms: 41 },
  ],
  next_delivery_at: null,
  created_at: '2026-11-23T09:00:00.412Z',
};

/** How that text went out. */
export const TIMELINE_EXAMPLE = {
  id: 'tl_2',
  at: '2026-11-23T09:00:03.512Z',
  type: 'attempt.sent',
  text: 'text waited 3.1 s behind the rate limit of 4 per second; accepted by SignalWire in 412 ms',
  data: {
    attempt: 'att_3f019a5c7e1b2d4f60718293a4b5c6d7e800',
    step: 0,
    channel: 'sms',
    tries: 1,
    waited_ms: 3100,
    rate_per_second: 4,
    took_ms: 412,
  },
} as const;

const SIMULATED = {
  object: 'simulation',
  active_verification: null,
  to: '+1••••••••23',
  country: 'US',
  number_type: 'fixed_line_or_mobile',
  test_number: false,
  workflow: [{ channel: 'sms', timeout: 45 }, { channel: 'call' }],
  from: null,
  code_length: 6,
  code_type: 'numeric',
  expires_in: 600,
  max_checks: 5,
  estimated_cost: { first_code: 0.0079, all_steps: 0.0219 },
} as const;

/** What submissions would be answered. */
export const SIMULATION_EXAMPLES = {
  accepted: {
    ...SIMULATED,
    outcome: 'accepted',
    http_status: 202,
    reason: null,
    limit: null,
    retry_after: null,
    findings: [
      {
        rule: 'prefix',
        mode: 'monitor',
        verdict: 'limited',
        reason: null,
        limit: 'prefix',
        retry_after: 1260,
        detail: '20 of 20 in 1h',
      },
    ],
  },
  rate_limited: {
    ...SIMULATED,
    outcome: 'rate_limited',
    http_status: 429,
    reason: null,
    limit: 'number',
    retry_after: 412,
    findings: [
      {
        rule: 'number',
        mode: 'enforce',
        verdict: 'limited',
        reason: null,
        limit: 'number',
        retry_after: 412,
        detail: '5 of 5 in 10m',
      },
    ],
  },
  blocked: {
    ...SIMULATED,
    outcome: 'blocked',
    http_status: 202,
    reason: 'country_not_allowed',
    limit: null,
    retry_after: null,
    findings: [
      {
        rule: 'country',
        mode: 'enforce',
        verdict: 'blocked',
        reason: 'country_not_allowed',
        limit: null,
        retry_after: null,
        detail: 'numbers of GB are not in COUNTRIES',
      },
    ],
    to: '+44••••••••23',
    country: 'GB',
    number_type: null,
  },
} as const;

/** An erasure that is done. */
export const ERASURE_EXAMPLE: ErasureView = {
  id: 'era_3f5d0c9e8b7a6f1e2d3c4b5a69788796a5',
  object: 'erasure',
  status: 'complete',
  erased: { verifications: 3, canceled: 1, callbacks: 8, answers: 2 },
  created_at: '2026-11-23T09:05:00.000Z',
  completed_at: '2026-11-23T09:05:00.087Z',
};

/** Why a submission was refused. */
export const DECISION_EXAMPLE = {
  id: 'dec_1795424403512-0',
  object: 'decision',
  at: '2026-11-23T09:00:03.512Z',
  actor: 'api-key:shop',
  action: 'request.limited',
  subject: '+1••••••••23',
  reason: 'number',
  data: { rule: 'number', mode: 'enforce', detail: '5 of 5 in 10m' },
} as const;

/** A registered target that is told of three kinds of events. */
export const ENDPOINT_EXAMPLE = {
  id: 'ep_5b0e7c1d9a8f4e23',
  object: 'callback_endpoint',
  url: 'https://client.example/hooks/ringback',
  types: ['verification.approved', 'verification.expired', 'verification.failed'],
  description: 'the shop',
  disabled: false,
  disabled_reason: null,
  disabled_at: null,
  created_at: '2026-11-23T08:00:00.000Z',
} as const;

/** A list that fits on one page. */
export const listOf = <T>(...data: readonly T[]) => ({ object: 'list' as const, data: [...data], next_cursor: null });

/** A wrong code, the second that was entered. */
export const CHECK_EXAMPLE = {
  approved: false,
  checks: { used: 2, max: 5 },
  verification: { ...VERIFICATION_EXAMPLE, checks: { used: 2, max: 5 } },
};

/** Of no endpoint: 24 bytes that anybody can read. */
export const SECRET_EXAMPLE = `whsec_${Buffer.from('an example, not a secret').toString('base64')}`;

export const EVENT_TIME = '2026-11-23T09:10:00.000Z';

const CLOSE_REASONS: Record<string, VerificationView['reason']> = {
  approved: null,
  expired: 'expired',
  failed: 'delivery_failed',
  canceled: 'canceled',
  blocked: 'country_not_allowed',
};

/** What a callback says: an attempt that went a certain way, or a verification that closed. */
export function eventExample(type: string, withAttempt: boolean) {
  const masked = { ...VERIFICATION_EXAMPLE, to: '+1••••••••23' };
  const outcome = type.split('.').at(-1) ?? '';
  if (!withAttempt) {
    const closed = { status: outcome, reason: CLOSE_REASONS[outcome], next_attempt: null, closed_at: EVENT_TIME };
    return { type, timestamp: EVENT_TIME, data: { sequence: 3, verification: { ...masked, ...closed } } };
  }
  const [sent] = VERIFICATION_EXAMPLE.attempts;
  const error = { code: 'refused', detail: 'SignalWire refused the request', http_status: 422 };
  const attempts = {
    sent,
    failed: { ...sent, status: 'failed', error, sent_at: null },
    unknown: {
      ...sent,
      status: 'unknown',
      error: { code: 'unknown_outcome', detail: 'the answer was lost', http_status: null },
      sent_at: null,
    },
    fallback: { ...sent, step: 1, channel: 'call', status: 'queued', trigger: 'timeout', tries: 0, sent_at: null },
  };
  const attempt = attempts[outcome as keyof typeof attempts];
  return {
    type,
    timestamp: EVENT_TIME,
    data: { sequence: 1, verification: { ...masked, attempts: [attempt] }, attempt },
  };
}
