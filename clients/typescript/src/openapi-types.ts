// Written from openapi.json by `npm run client:types`; changes here are lost.

export interface CreateVerification {
  /** A phone number in E.164 form. */
  to: string;
  workflow?: Array<WorkflowStep>;
  /** A phone number in E.164 form. */
  from?: string;
  /** Put before the code. Needs a sender of your own. */
  message?: string;
  code_length?: number;
  code_type?: "numeric" | "alphanumeric";
  expires_in?: number;
  max_checks?: number;
  /** Where the events of this verification go, instead of the configured target. */
  callback_url?: string;
  reference?: string;
  metadata?: Metadata;
  client_ip?: string;
  rate_limit_keys?: Record<string, string>;
  if_active?: "conflict" | "return" | "replace";
}

export interface WorkflowStep {
  channel: Channel;
  /** Seconds from the acceptance of the code by SignalWire to the next step. Not used on the last step. */
  timeout?: number;
}

export type Channel = "sms" | "call";

/** At most 16 pairs of strings, 2 KB; returned as given. */
export type Metadata = Record<string, string>;

export interface SearchVerifications {
  /** A phone number in E.164 form. */
  to: string;
  status?: "queued" | "pending" | "approved" | "expired" | "failed" | "canceled" | "blocked";
  limit?: number;
  cursor?: string;
}

export interface CheckCode {
  /** What the person entered; spaces and hyphens are dropped. */
  code: string;
}

export interface RequestAttempt {
  channel?: Channel;
}

export interface CreateErasure {
  /** A phone number in E.164 form. */
  to: string;
}

export interface CreateCallbackEndpoint {
  url: string;
  /** The events that it gets; null for all. */
  types?: Array<"verification.attempt.sent" | "verification.attempt.failed" | "verification.attempt.unknown" | "verification.fallback" | "verification.approved" | "verification.expired" | "verification.failed" | "verification.canceled" | "verification.blocked" | "callback_endpoint.disabled" | "callback_endpoint.test" | "budget.reached"> | null;
  description?: string | null;
  disabled?: boolean;
}

export interface UpdateCallbackEndpoint {
  url?: string;
  /** The events that it gets; null for all. */
  types?: Array<"verification.attempt.sent" | "verification.attempt.failed" | "verification.attempt.unknown" | "verification.fallback" | "verification.approved" | "verification.expired" | "verification.failed" | "verification.canceled" | "verification.blocked" | "callback_endpoint.disabled" | "callback_endpoint.test" | "budget.reached"> | null;
  description?: string | null;
  disabled?: boolean;
}

export interface RotateSecret {
  /** Seconds for which the old secret signs along; 86400 when absent. */
  expires_in?: number;
}

export interface ReplayCallbacks {
  since: string;
  until?: string;
  /** The events that it gets; null for all. */
  types?: Array<"verification.attempt.sent" | "verification.attempt.failed" | "verification.attempt.unknown" | "verification.fallback" | "verification.approved" | "verification.expired" | "verification.failed" | "verification.canceled" | "verification.blocked" | "callback_endpoint.disabled" | "callback_endpoint.test" | "budget.reached"> | null;
}

export interface Verification {
  id: string;
  object: "verification";
  status: "queued" | "pending" | "approved" | "expired" | "failed" | "canceled" | "blocked";
  reason: "delivery_failed" | "too_many_checks" | "provider_misconfigured" | "expired" | "canceled" | "replaced" | "country_not_allowed" | "number_type_not_allowed" | "number_blocked" | "suspected_fraud" | null;
  to: string;
  reference: string | null;
  metadata: Record<string, string>;
  workflow: Array<{
    channel: Channel;
    timeout?: number;
  }>;
  current_step: number;
  attempts: Array<Attempt>;
  next_attempt: {
    channel: Channel;
    at: string;
  } | null;
  checks: Checks;
  created_at: string;
  expires_at: string;
  closed_at: string | null;
}

export interface Attempt {
  id: string;
  step: number;
  channel: Channel;
  status: "queued" | "sending" | "sent" | "failed" | "unknown" | "skipped";
  trigger: "initial" | "timeout" | "failure" | "unknown" | "request";
  tries: number;
  error: {
    code: string;
    detail: string;
    http_status: number | null;
  } | null;
  started_at: string;
  sent_at: string | null;
}

export interface Checks {
  used: number;
  max: number;
}

export interface CallbackEndpoint {
  id: string;
  object: "callback_endpoint";
  url: string;
  types: Array<string> | null;
  description: string | null;
  disabled: boolean;
  disabled_reason: "requested" | "gone" | "failing" | null;
  disabled_at: string | null;
  created_at: string;
}

/** RFC 9457. Clients branch on `code`. */
export interface Problem {
  /** Where the code is explained: `/problems/{code}`. */
  type: string;
  title: string;
  status: number;
  /** What happened this time, for people. */
  detail: string;
  code: ProblemCode;
  request_id: string;
  errors?: Array<{
    pointer: string;
    code: string;
    detail: string;
  }>;
}

/** Every problem code of this release. */
export const PROBLEM_CODES = [
  "malformed-json",
  "malformed-request",
  "unauthorized",
  "forbidden",
  "not-found",
  "idempotency-key-in-use",
  "verification-active",
  "no-code-sent",
  "no-live-code",
  "endpoint-limit",
  "attempt-in-progress",
  "no-step-left",
  "send-limit",
  "too-little-time",
  "request-timeout",
  "verification-closed",
  "body-too-large",
  "unsupported-media-type",
  "invalid-request",
  "headers-too-large",
  "idempotency-key-reused",
  "rate-limited",
  "checks-in-flight",
  "cooldown",
  "internal-error",
  "unavailable",
  "provider-unavailable",
  "check-inconclusive",
] as const;

/** What went wrong. `/problems/{code}` on this host says what it means and what to do. Codes may be added: treat one that you do not know by its status. */
export type ProblemCode = (typeof PROBLEM_CODES)[number];

export interface VerificationList {
  object: "list";
  data: Array<Verification>;
  next_cursor: string | null;
}

export interface CheckAnswer {
  approved: boolean;
  checks: Checks;
  verification: Verification;
}

export interface Timeline {
  object: "list";
  data: Array<TimelineEntry>;
  next_cursor: null;
}

export interface TimelineEntry {
  /** Names the entry within its timeline; the `Last-Event-ID` of the stream. */
  id: string;
  at: string;
  /** Types may be added. */
  type: "verification.created" | "attempt.started" | "attempt.retry" | "attempt.sent" | "attempt.failed" | "attempt.unknown" | "attempt.skipped" | "check.approved" | "check.wrong" | "check.inconclusive" | "check.unavailable" | "check.no_live_code" | "verification.approved" | "verification.expired" | "verification.failed" | "verification.canceled" | "verification.blocked" | "number.dropped" | "callback.delivered" | "callback.failed" | "callback.exhausted" | "callback.refused" | "callback.gone";
  /** One sentence in English, for people. It may be worded anew in any release. */
  text: string;
  data: {
    attempt?: string;
    step?: number;
    channel?: Channel;
    trigger?: string;
    tries?: number;
    /** From when the try might have begun until it did. */
    waited_ms?: number;
    /** It waited for the rate limit of its channel. */
    rate_per_second?: number;
    /** Until SignalWire, or the receiver, had answered. */
    took_ms?: number;
    retry_in_ms?: number;
    detail?: string;
    http_status?: number | null;
    checks_used?: number;
    reason?: "delivery_failed" | "too_many_checks" | "provider_misconfigured" | "expired" | "canceled" | "replaced" | "country_not_allowed" | "number_type_not_allowed" | "number_blocked" | "suspected_fraud" | null;
    callback?: string;
    /** Type of the event that the callback reports. */
    event?: string;
    /** Deliveries made so far. */
    delivery?: number;
    host?: string;
  };
}

export interface CallbackList {
  object: "list";
  data: Array<Callback>;
  next_cursor: string | null;
}

export interface Callback {
  id: string;
  object: "callback";
  /** The `webhook-id` of every delivery. */
  event_id: string;
  type: string;
  sequence: number | null;
  /** null for an event about an endpoint. */
  verification_id: string | null;
  /** Id of the endpoint that it is for; null for other targets. */
  endpoint: string | null;
  url: string;
  status: "pending" | "delivered" | "exhausted" | "refused" | "gone";
  deliveries: Array<{
    at: string;
    http_status: number | null;
    detail: string;
    latency_ms: number;
    /** The beginning of the answer, at most 1 KB. */
    answer?: string;
  }>;
  next_delivery_at: string | null;
  created_at: string;
}

export interface Simulation {
  object: "simulation";
  /** What comes of it. With an open verification for the number `if_active` decides first: `conflict`, or `existing` (it is answered). */
  outcome: "accepted" | "blocked" | "rate_limited" | "conflict" | "existing";
  /** Status of the answer. */
  http_status: number;
  /** Why it is blocked. */
  reason: "delivery_failed" | "too_many_checks" | "provider_misconfigured" | "expired" | "canceled" | "replaced" | "country_not_allowed" | "number_type_not_allowed" | "number_blocked" | "suspected_fraud" | null;
  /** The limit that is reached. */
  limit: string | null;
  /** Seconds until there is room in it again. */
  retry_after: number | null;
  /** The open verification of the number. */
  active_verification: string | null;
  /** All that the rules have against it; the first one that is enforced decides. */
  findings: Array<{
    rule: string;
    /** monitor: nothing follows from it. */
    mode: "enforce" | "monitor";
    verdict: "blocked" | "limited";
    /** Why it is blocked. */
    reason: "delivery_failed" | "too_many_checks" | "provider_misconfigured" | "expired" | "canceled" | "replaced" | "country_not_allowed" | "number_type_not_allowed" | "number_blocked" | "suspected_fraud" | null;
    /** The limit that is reached. */
    limit: string | null;
    /** Seconds until there is room in it again. */
    retry_after: number | null;
    /** What was found, for people. */
    detail: string;
  }>;
  /** The number, masked. */
  to: string;
  /** ISO 3166-1 alpha-2. */
  country: string | null;
  /** Such as `mobile`, `fixed_line_or_mobile` or `premium_rate`; null: not known. */
  number_type: string | null;
  /** Nothing is ever sent to it. */
  test_number: boolean;
  workflow: Array<{
    channel: Channel;
    timeout?: number;
  }>;
  from: string | null;
  code_length: number;
  code_type: "numeric" | "alphanumeric";
  expires_in: number;
  max_checks: number;
  /** What it would cost by the configured prices: its first code, and one for each step; null without prices. */
  estimated_cost: {
    first_code: number;
    all_steps: number;
  } | null;
}

export interface Erasure {
  id: string;
  object: "erasure";
  /** pending: some is still to be erased; it goes on by itself. */
  status: "pending" | "complete";
  /** How many of each are gone so far. */
  erased: {
    verifications: number;
    /** Those of them that were open until then. */
    canceled: number;
    callbacks: number;
    /** Answers that were kept for an idempotency key. */
    answers: number;
  };
  created_at: string;
  completed_at: string | null;
}

export interface DecisionList {
  object: "list";
  data: Array<Decision>;
  next_cursor: string | null;
}

export interface Decision {
  id: string;
  object: "decision";
  at: string;
  /** `api-key:` and its name; a user of `/admin`; `system`: Ringback by itself. */
  actor: string;
  /** What was decided. Actions may be added. */
  action: string;
  /** About what: a masked number or prefix, a country. */
  subject: string | null;
  reason: string | null;
  data: Record<string, unknown>;
}

export interface NewCallbackEndpoint {
  id: string;
  object: "callback_endpoint";
  url: string;
  types: Array<string> | null;
  description: string | null;
  disabled: boolean;
  disabled_reason: "requested" | "gone" | "failing" | null;
  disabled_at: string | null;
  created_at: string;
  /** Signs its callbacks; shown only here. */
  secret: string;
}

export interface CallbackEndpointList {
  object: "list";
  data: Array<CallbackEndpoint>;
  next_cursor: null;
}

export interface Replay {
  object: "replay";
  replayed: number;
  /** false: ask again with `since` set to `until`. */
  complete: boolean;
  until: string;
}

export interface ListVerifications {
  status?: "queued" | "pending" | "approved" | "expired" | "failed" | "canceled" | "blocked";
  reference?: string;
  limit?: number;
  cursor?: string;
}

export interface ListDecisions {
  limit?: number;
  cursor?: string;
}

export interface ListCallbacks {
  status?: "pending" | "delivered" | "exhausted" | "refused" | "gone";
  endpoint?: string;
  type?: "verification.attempt.sent" | "verification.attempt.failed" | "verification.attempt.unknown" | "verification.fallback" | "verification.approved" | "verification.expired" | "verification.failed" | "verification.canceled" | "verification.blocked" | "callback_endpoint.disabled" | "callback_endpoint.test" | "budget.reached";
  limit?: number;
  cursor?: string;
}

export interface VerificationAttemptSentEvent {
  type: "verification.attempt.sent";
  timestamp: string;
  data: {
    sequence: number;
    verification: Verification;
    attempt: Attempt;
  };
}

export interface VerificationAttemptFailedEvent {
  type: "verification.attempt.failed";
  timestamp: string;
  data: {
    sequence: number;
    verification: Verification;
    attempt: Attempt;
  };
}

export interface VerificationAttemptUnknownEvent {
  type: "verification.attempt.unknown";
  timestamp: string;
  data: {
    sequence: number;
    verification: Verification;
    attempt: Attempt;
  };
}

export interface VerificationFallbackEvent {
  type: "verification.fallback";
  timestamp: string;
  data: {
    sequence: number;
    verification: Verification;
    attempt: Attempt;
  };
}

export interface VerificationApprovedEvent {
  type: "verification.approved";
  timestamp: string;
  data: {
    sequence: number;
    verification: Verification;
  };
}

export interface VerificationExpiredEvent {
  type: "verification.expired";
  timestamp: string;
  data: {
    sequence: number;
    verification: Verification;
  };
}

export interface VerificationFailedEvent {
  type: "verification.failed";
  timestamp: string;
  data: {
    sequence: number;
    verification: Verification;
  };
}

export interface VerificationCanceledEvent {
  type: "verification.canceled";
  timestamp: string;
  data: {
    sequence: number;
    verification: Verification;
  };
}

export interface VerificationBlockedEvent {
  type: "verification.blocked";
  timestamp: string;
  data: {
    sequence: number;
    verification: Verification;
  };
}

export interface CallbackEndpointDisabledEvent {
  type: "callback_endpoint.disabled";
  timestamp: string;
  data: {
    callback_endpoint: CallbackEndpoint;
  };
}

export interface CallbackEndpointTestEvent {
  type: "callback_endpoint.test";
  timestamp: string;
  data: {
    callback_endpoint: CallbackEndpoint;
  };
}

export interface BudgetReachedEvent {
  type: "budget.reached";
  timestamp: string;
  data: {
    budget: {
      /** The share that is reached: 50, 80 or 100. */
      percent: number;
      budget: number;
      spent: number;
      /** In UTC. */
      day: string;
      /** monitor: nothing is refused. */
      mode: "enforce" | "monitor";
    };
  };
}

/** What a callback reports; `type` tells them apart. Types may be added. */
export type CallbackEvent =
  | VerificationAttemptSentEvent
  | VerificationAttemptFailedEvent
  | VerificationAttemptUnknownEvent
  | VerificationFallbackEvent
  | VerificationApprovedEvent
  | VerificationExpiredEvent
  | VerificationFailedEvent
  | VerificationCanceledEvent
  | VerificationBlockedEvent
  | CallbackEndpointDisabledEvent
  | CallbackEndpointTestEvent
  | BudgetReachedEvent;
