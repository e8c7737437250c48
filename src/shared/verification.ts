import { z } from 'zod';
import { Channel } from './channel.ts';
import type { AttemptId, VerificationId } from './ids.ts';
import { Origin } from './origin.ts';

/** One entry of the workflow; `timeout` in seconds, from SignalWire's acceptance of the step's code to the next step. */
const StoredStep = z.object({ channel: Channel, timeout: z.number().optional() });

const AttemptErrorCode = z.enum([
  'refused',
  'unreachable',
  'unknown_outcome',
  'misconfigured',
  'time_left',
  'send_limit',
  'waited_too_long',
  'closed',
  'superseded',
]);
export type AttemptErrorCode = z.infer<typeof AttemptErrorCode>;

const StoredAttemptError = z.object({
  code: AttemptErrorCode,
  detail: z.string(),
  httpStatus: z.number().nullable(),
});
export type AttemptError = z.infer<typeof StoredAttemptError>;

const StoredAttempt = z.object({
  id: z.custom<AttemptId>((v) => typeof v === 'string' && v.startsWith('att_')),
  step: z.number(),
  channel: Channel,
  trigger: z.enum(['initial', 'timeout', 'failure', 'unknown', 'request']),
  status: z.enum(['queued', 'sending', 'sent', 'failed', 'unknown', 'skipped']),
  /** Every request made to SignalWire. */
  tries: z.number(),
  /** The tries that count against `SEND_TRIES`: those that were not sent. */
  countedTries: z.number(),
  error: StoredAttemptError.nullable(),
  startedAt: z.number(),
  sentAt: z.number().nullable(),
  /** While `queued`: no try before this moment. */
  nextTryAt: z.number(),
  /** The stored intent of a try whose result is not known yet: whose it is, and when it was stored. */
  flight: z.object({ token: z.string(), at: z.number() }).nullable(),
  /** The try that was given up as `unknown`; only its own late answer may still turn the attempt to `sent`. */
  lostToken: z.string().nullable(),
  /** SignalWire's id, with which the code is checked. */
  mfaId: z.string().nullable(),
  /** SignalWire answered 404 to a check: used up, expired or validated. Its code can never be checked again. */
  spent: z.boolean(),
  /** Names the client's request that asked for it, when that one may be repeated. */
  request: z.string().optional(),
});
export type Attempt = z.infer<typeof StoredAttempt>;
export type AttemptTrigger = Attempt['trigger'];

export const OpenStatus = z.enum(['queued', 'pending']);
export const ClosedStatus = z.enum(['approved', 'expired', 'failed', 'canceled', 'blocked']);
export type ClosedStatus = z.infer<typeof ClosedStatus>;

export const CloseReason = z.enum([
  'delivery_failed',
  'too_many_checks',
  'provider_misconfigured',
  'expired',
  'canceled',
  'replaced',
  'country_not_allowed',
  'number_type_not_allowed',
  'number_blocked',
  'suspected_fraud',
]);
export type CloseReason = z.infer<typeof CloseReason>;

const Common = z.object({
  /** The form of this document: a later release reads older ones by it. */
  schema: z.literal(1),
  id: z.custom<VerificationId>((v) => typeof v === 'string' && v.startsWith('ver_')),
  /** Name of the API key that it belongs to. */
  owner: z.string(),
  /** The full number; the masked one once `NUMBER_RETENTION` has passed since the close. */
  to: z.string(),
  masked: z.string(),
  /** Keyed hash of the number, hex. */
  numberHash: z.string(),
  country: z.string().nullable(),
  /** Keyed hash of the end user's network, when the client told it; attempts count against its limits. */
  client: z.string().optional(),
  /** `rate_limit_keys`: name to keyed hash of the value. */
  rateLimitKeys: z.record(z.string(), z.string()).optional(),
  /** The request that submitted it. */
  origin: Origin.optional(),
  from: z.string().nullable(),
  message: z.string().nullable(),
  codeLength: z.number(),
  codeType: z.enum(['numeric', 'alphanumeric']),
  callbackUrl: z.string().nullable(),
  reference: z.string().nullable(),
  metadata: z.record(z.string(), z.string()),
  workflow: z.array(StoredStep),
  currentStep: z.number(),
  /** When the current step's turn came; its waiting time counts from here. */
  stepStartedAt: z.number(),
  /** When the step after the current one starts; null while no code of the step is out, and on the last step. */
  timerAt: z.number().nullable(),
  attempts: z.array(StoredAttempt),
  /** Codes that may be out: reserved at the intent, given back when the result proves that nothing was sent. */
  sends: z.number(),
  maxSends: z.number(),
  checks: z.object({
    used: z.number(),
    max: z.number(),
    /** Checks that are reserved and not answered yet. */
    inFlight: z.array(z.object({ token: z.string(), at: z.number() })),
  }),
  /** How many events have happened; the last one's `sequence`. */
  sequence: z.number(),
  /** Whether the last answer of SignalWire spoke of the operator's set-up; decides the reason when time runs out. */
  lastTryMisconfigured: z.boolean(),
  createdAt: z.number(),
  expiresAt: z.number(),
});

const Open = Common.extend({ status: OpenStatus, reason: z.null(), closedAt: z.null() });
const Closed = Common.extend({ status: ClosedStatus, reason: CloseReason.nullable(), closedAt: z.number() });

/** One verification as it is stored: the only truth about it. Times are epoch milliseconds on Redis's clock. */
export const Verification = z.discriminatedUnion('status', [Open, Closed]);
export type OpenVerification = z.infer<typeof Open>;
export type ClosedVerification = z.infer<typeof Closed>;
export type Verification = z.infer<typeof Verification>;

export function isClosed(v: Verification): v is ClosedVerification {
  return v.closedAt !== null;
}

/** The attempt that is queued or on its way; there is never more than one. */
export function activeAttempt(v: Verification): Attempt | undefined {
  const last = v.attempts.at(-1);
  return last?.status === 'queued' || last?.status === 'sending' ? last : undefined;
}

/** Attempts whose code can still be checked, the newest code first. */
export function checkableAttempts(v: Verification): Attempt[] {
  return v.attempts
    .filter((a) => a.status === 'sent' && !a.spent && a.mfaId !== null)
    .sort((a, b) => (b.sentAt ?? 0) - (a.sentAt ?? 0));
}

export function isOnLastStep(v: Verification): boolean {
  return v.currentStep >= v.workflow.length - 1;
}

/** Nothing is sent that could not be used any more: a code needs this long to arrive and to be entered. */
export const MIN_TIME_TO_SEND_MS = 30_000;
