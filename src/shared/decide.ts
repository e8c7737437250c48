import type { Channel } from './channel.ts';
import type { SendOutcome } from './classify-send.ts';
import type { EpochMs } from './clock.ts';
import { fullJitterMs } from './full-jitter.ts';
import { attemptIdOf } from './ids.ts';
import {
  type Attempt,
  type AttemptError,
  type AttemptErrorCode,
  type AttemptTrigger,
  activeAttempt,
  type ClosedStatus,
  type CloseReason,
  checkableAttempts,
  isClosed,
  isOnLastStep,
  MIN_TIME_TO_SEND_MS,
  type OpenVerification,
  type Verification,
} from './verification.ts';
import { type AttemptView, attemptView, type VerificationView, verificationView } from './verification-view.ts';

/** What the operator's configuration adds to a decision. Durations in milliseconds. */
export interface Policy {
  /** Tries that were not sent before an attempt is given up. */
  sendTries: number;
  backoffMs: number;
  backoffMaxMs: number;
  /** How old an intent without a result must be before its try counts as lost. */
  intentTtlMs: number;
  /** The least time between two codes over one channel that a client asks for. */
  resendCooldownMs: number;
  /** How long after the close the full number is kept. */
  numberRetentionMs: number;
}

/** A try that was claimed but did not leave in time; nothing went out, so it counts for nothing. */
export type TryOutcome = SendOutcome | { kind: 'not_left' };

/** What the answers of SignalWire to one check add up to; contract section 4. */
export type CheckResult = 'approved' | 'wrong' | 'inconclusive' | 'unavailable' | 'no_live_code';

/** Something that happened to a verification. Tokens name the caller, so that a repeat is known as one. */
export type VerificationEvent =
  /** Time has passed: whatever is due happens. */
  | { type: 'tick' }
  | { type: 'try_started'; attemptId: string; token: string }
  /**
   * `random` from 0 up to 1 pins the jitter of the next try. `heldBackByRate`, for the story: the try had waited for the
   * channel's rate limit of so many per second.
   */
  | {
      type: 'try_ended';
      attemptId: string;
      token: string;
      outcome: TryOutcome;
      random: number;
      heldBackByRate?: number | undefined;
    }
  /** `request` names a request that its client may repeat. */
  | { type: 'attempt_requested'; channel: Channel | undefined; request?: string | undefined }
  /** `wellFormed`: whether the code has the length and alphabet of this verification's codes. */
  | { type: 'check_started'; token: string; wellFormed: boolean }
  | { type: 'check_ended'; token: string; result: CheckResult; spent: readonly string[] }
  | { type: 'canceled'; reason: 'canceled' | 'replaced' };

/** What the caller is told; what it means for them is theirs to say. */
export type Answer =
  | { kind: 'done' }
  /** try_started: send now, this attempt is yours; `validForMs` is what is left of the verification. */
  | { kind: 'send'; attempt: Attempt; validForMs: number }
  /** try_started: not before this moment. */
  | { kind: 'wait'; until: EpochMs }
  /** try_started: there is nothing (more) to send for this attempt. */
  | { kind: 'over' }
  /** check_started: ask SignalWire about these, the newest code first. */
  | { kind: 'ask'; attempts: Attempt[] }
  | { kind: 'wrong' }
  | { kind: 'no_code_sent' }
  | { kind: 'no_live_code' }
  | { kind: 'checks_in_flight' }
  | { kind: 'closed' }
  | { kind: 'attempt_in_progress' }
  | { kind: 'no_step_left' }
  | { kind: 'send_limit' }
  | { kind: 'too_little_time' }
  | { kind: 'cooldown'; retryAfterMs: number };

export type EventType =
  | `verification.attempt.${'sent' | 'failed' | 'unknown'}`
  | 'verification.fallback'
  | `verification.${ClosedStatus}`;

/** A fact that callbacks report, with the verification as it was at that moment. The number in it is masked. */
export interface VerificationFact {
  type: EventType;
  at: EpochMs;
  sequence: number;
  verification: VerificationView;
  attempt: AttemptView | null;
}

export interface Decision {
  /** The new state; the very object that was passed in when nothing changes. */
  next: Verification;
  /** The facts that callbacks owe, in the order of their `sequence`. */
  facts: VerificationFact[];
  answer: Answer;
}

/** How often a misconfigured account is tried again while the verification lives. */
const MISCONFIGURED_RETRY_MS = 30_000;
/** The least that a step's first code may wait for its turn, whatever the step's timeout. */
const MIN_STEP_WAIT_MS = 60_000;
/** A check ends within 10 s; one that is silent for longer died with its process and counts as inconclusive. */
export const CHECK_TTL_MS = 15_000;
/** Attempts that were refused cost nothing, so only this keeps a client from filling the record with them. */
const MAX_ATTEMPTS = 50;
/** Why a try without a result is given up. */
const WORKER_DIED: AttemptError = {
  code: 'unknown_outcome',
  detail: 'the worker died before the result was stored',
  httpStatus: null,
};
/** For a step that is not the last and names no timeout: the contract's default workflow waits as long. */
export const DEFAULT_STEP_TIMEOUT_SECONDS = 45;

/**
 * Decides what follows from an event: the new state and the facts that are owed. It is pure: no clock, randomness or
 * environment is read; the store applies the result, the errands act on it.
 */
export function decide(v: Verification, event: VerificationEvent, now: EpochMs, policy: Policy): Decision {
  const draft = draftOf(v);
  const facts: VerificationFact[] = [];
  const answer = handle({ v: draft, now, policy, facts }, event);
  const changed = facts.length > 0 || JSON.stringify(draft) !== JSON.stringify(v);
  return { next: changed ? draft : v, facts, answer };
}

/** The opening facts of a verification: its first attempt, or its end when a policy refused it. */
export function open(v: OpenVerification, now: EpochMs, policy: Policy, blocked: CloseReason | null): Decision {
  const draft = draftOf(v);
  const facts: VerificationFact[] = [];
  const context = { v: draft as Verification, now, policy, facts };
  if (blocked === null) addAttempt(context, draft.workflow[0]?.channel ?? 'sms', 'initial', 0);
  else close(context, 'blocked', blocked);
  return { next: draft, facts, answer: { kind: 'done' } };
}

/** A copy of all that a decision changes in place; everything else in a verification is only ever replaced as a whole. */
function draftOf<V extends Verification>(v: V): V {
  const { attempts, checks } = v;
  return { ...v, attempts: attempts.map((a) => ({ ...a })), checks: { ...checks, inFlight: [...checks.inFlight] } };
}

interface Context {
  v: Verification;
  readonly now: EpochMs;
  readonly policy: Policy;
  readonly facts: VerificationFact[];
}

function handle(c: Context, event: VerificationEvent): Answer {
  switch (event.type) {
    case 'tick':
      passTime(c);
      return { kind: 'done' };
    case 'try_started':
      return startTry(c, event.attemptId, event.token);
    case 'try_ended':
      return endTry(c, event);
    case 'attempt_requested':
      return requestAttempt(c, event.channel, event.request);
    case 'check_started':
      return startCheck(c, event.token, event.wellFormed);
    case 'check_ended':
      return endCheck(c, event);
    case 'canceled':
      passTime(c);
      if (isClosed(c.v)) return { kind: 'closed' };
      close(c, 'canceled', event.reason);
      return { kind: 'done' };
    default:
      return assertNever(event);
  }
}

/** Everything that the clock alone brings about, at whatever moment somebody looks. */
function passTime(c: Context): void {
  const active = activeAttempt(c.v);
  const lost = active?.flight && c.now >= active.flight.at + c.policy.intentTtlMs ? active : undefined;
  if (isClosed(c.v)) {
    if (lost) endUnknown(lost, WORKER_DIED);
    if (c.now >= c.v.closedAt + c.policy.numberRetentionMs) c.v.to = c.v.masked;
    return;
  }
  dropDeadChecks(c);
  if (isClosed(c.v)) return;
  if (c.now >= c.v.expiresAt) {
    runOutOfTime(c);
    return;
  }
  if (lost) loseTry(c, lost, WORKER_DIED);
  settle(c);
}

/** Skips what waited too long or could no longer be used, and starts the step whose timer ran out. */
function settle(c: Context): void {
  if (isClosed(c.v)) return;
  const active = activeAttempt(c.v);
  if (active?.status === 'queued') {
    if (tooLate(c)) {
      if (active.error?.code === 'misconfigured') active.status = 'skipped';
      else skip(active, 'time_left', 'too little time was left to enter a code');
      startNextStep(c, 'failure');
    } else if (!isOnLastStep(c.v) && c.now >= waitDeadline(c.v)) {
      const last = active.error ? `; last answer: ${active.error.detail}` : '';
      skip(active, 'waited_too_long', `not accepted within the time for its step${last}`, active.error?.httpStatus);
      startNextStep(c, 'failure');
    }
  } else if (active === undefined && c.v.timerAt !== null && c.now >= c.v.timerAt) {
    startNextStep(c, 'timeout');
  }
}

function startTry(c: Context, attemptId: string, token: string): Answer {
  const mine = c.v.attempts.find((a) => a.id === attemptId && a.flight?.token === token);
  if (!mine || tooLate(c)) passTime(c);
  const attempt = mine ?? c.v.attempts.find((a) => a.id === attemptId);
  // what was granted in time is not granted again when time has become too short
  if (attempt === undefined || isClosed(c.v) || (mine && tooLate(c))) return { kind: 'over' };
  if (attempt.status === 'sending' && !mine) {
    return { kind: 'wait', until: (attempt.flight?.at ?? c.now) + c.policy.intentTtlMs };
  }
  if (!mine) {
    if (attempt.status !== 'queued') return { kind: 'over' };
    if (attempt.nextTryAt > c.now) return { kind: 'wait', until: attempt.nextTryAt };
    if (c.v.sends >= c.v.maxSends) {
      skip(attempt, 'send_limit', `the limit of ${c.v.maxSends} codes for one verification is reached`);
      startNextStep(c, 'failure');
      return { kind: 'over' };
    }
    attempt.status = 'sending';
    attempt.flight = { token, at: c.now };
    attempt.tries += 1;
    c.v.sends += 1;
  }
  return { kind: 'send', attempt: { ...attempt }, validForMs: c.v.expiresAt - c.now };
}

function endTry(c: Context, event: Extract<VerificationEvent, { type: 'try_ended' }>): Answer {
  const attempt = c.v.attempts.find((a) => a.id === event.attemptId);
  if (attempt?.flight?.token !== event.token) {
    passTime(c);
    if (attempt?.lostToken === event.token && event.outcome.kind === 'sent')
      acceptLateAnswer(c, attempt, event.outcome.mfaId);
    return { kind: 'over' };
  }
  attempt.flight = null;
  const { outcome } = event;
  if (!isClosed(c.v) && c.now >= c.v.expiresAt) runOutOfTime(c);
  if (isClosed(c.v)) {
    recordAfterClose(c.v, attempt, outcome, c.now);
    return { kind: 'over' };
  }
  if (outcome.kind !== 'not_left') c.v.lastTryMisconfigured = outcome.kind === 'misconfigured';
  switch (outcome.kind) {
    case 'sent':
      if (!isOnLastStep(c.v)) c.v.timerAt = c.now + stepTimeoutMs(c.v); // first: the report tells what happens next
      accept(c, attempt, outcome.mfaId);
      return { kind: 'over' };
    case 'unknown':
      attempt.lostToken = event.token;
      loseTry(c, attempt, { code: 'unknown_outcome', detail: outcome.detail, httpStatus: outcome.httpStatus });
      break;
    case 'refused':
      c.v.sends -= 1;
      fail(c, attempt, { code: 'refused', detail: outcome.detail, httpStatus: outcome.httpStatus });
      break;
    case 'not_sent': {
      c.v.sends -= 1;
      attempt.countedTries += 1;
      const error = { code: 'unreachable', detail: outcome.detail, httpStatus: outcome.httpStatus } as const;
      if (attempt.countedTries >= c.policy.sendTries) fail(c, attempt, error);
      else retry(c, attempt, outcome.retryAfterMs ?? backoff(c, attempt.countedTries, event.random), error);
      break;
    }
    case 'rate_limited':
      c.v.sends -= 1;
      retry(c, attempt, outcome.retryAfterMs ?? backoff(c, attempt.tries, event.random), attempt.error);
      break;
    case 'misconfigured':
      c.v.sends -= 1;
      retry(c, attempt, MISCONFIGURED_RETRY_MS, {
        code: 'misconfigured',
        detail: outcome.detail,
        httpStatus: outcome.httpStatus,
      });
      break;
    case 'not_left':
      c.v.sends -= 1;
      attempt.tries -= 1;
      retry(c, attempt, 0, attempt.error);
      break;
    default:
      return assertNever(outcome);
  }
  settle(c);
  const waits = attempt.status === 'queued' && !isClosed(c.v);
  return waits ? { kind: 'wait', until: attempt.nextTryAt } : { kind: 'over' };
}

/** A closed verification never changes; only the attempt that was under way still learns how it ended. */
function recordAfterClose(v: Verification, attempt: Attempt, outcome: TryOutcome, now: EpochMs): void {
  switch (outcome.kind) {
    case 'sent':
      attempt.status = 'sent';
      attempt.mfaId = outcome.mfaId;
      attempt.sentAt = now;
      attempt.error = null;
      return;
    case 'unknown':
      attempt.status = 'unknown';
      attempt.error = { code: 'unknown_outcome', detail: outcome.detail, httpStatus: outcome.httpStatus };
      return;
    case 'refused':
    case 'misconfigured':
      v.sends -= 1;
      attempt.status = 'failed';
      attempt.error = { code: outcome.kind, detail: outcome.detail, httpStatus: outcome.httpStatus };
      return;
    case 'not_left':
      attempt.tries -= 1;
      break;
    case 'not_sent':
    case 'rate_limited':
      break;
    default:
      assertNever(outcome);
  }
  v.sends -= 1;
  skip(attempt, 'closed', 'the verification was closed before a code could be sent');
}

function requestAttempt(c: Context, channel: Channel | undefined, request: string | undefined): Answer {
  passTime(c);
  if (request !== undefined && c.v.attempts.some((a) => a.request === request)) return { kind: 'done' };
  const { v, now } = c;
  if (isClosed(v)) return { kind: 'closed' };
  const active = activeAttempt(v);
  if (active?.status === 'sending') return { kind: 'attempt_in_progress' };
  const later = v.workflow.findIndex((s, i) => i > v.currentStep && (channel === undefined || s.channel === channel));
  const target = channel ?? v.workflow[later]?.channel;
  if (target === undefined) return { kind: 'no_step_left' };
  if (v.sends >= v.maxSends || v.attempts.length + v.workflow.length > MAX_ATTEMPTS) return { kind: 'send_limit' };
  const lastStart = Math.max(
    ...v.attempts.filter((a) => a.channel === target && a.status !== 'skipped').map((a) => a.startedAt),
  );
  const readyAt = lastStart + c.policy.resendCooldownMs;
  if (now < readyAt) return { kind: 'cooldown', retryAfterMs: readyAt - now };
  if (tooLate(c)) return { kind: 'too_little_time' };

  if (active) skip(active, 'superseded', 'the client asked for another code');
  v.timerAt = null;
  v.stepStartedAt = now;
  if (later === -1) {
    const sameChannel = v.workflow.findLastIndex((s, i) => i <= v.currentStep && s.channel === target);
    const attempt = addAttempt(c, target, 'request', sameChannel === -1 ? v.currentStep : sameChannel);
    if (request !== undefined) attempt.request = request;
    return { kind: 'done' };
  }
  for (let step = v.currentStep + 1; step < later; step++) {
    const jumped = addAttempt(c, v.workflow[step]?.channel ?? target, 'request', step);
    skip(jumped, 'superseded', 'the client asked for a later step');
  }
  v.currentStep = later;
  const attempt = addAttempt(c, target, 'request', later);
  if (request !== undefined) attempt.request = request;
  report(c, 'verification.fallback', attempt);
  return { kind: 'done' };
}

function startCheck(c: Context, token: string, wellFormed: boolean): Answer {
  const repeated = c.v.checks.inFlight.some((check) => check.token === token);
  if (!repeated || c.now >= c.v.expiresAt) passTime(c);
  const { v, now } = c;
  if (isClosed(v)) return { kind: 'closed' };
  const attempts = checkableAttempts(v);
  if (repeated) return { kind: 'ask', attempts };
  if (v.attempts.every((a) => a.sentAt === null)) return { kind: 'no_code_sent' };
  if (attempts.length === 0) return { kind: 'no_live_code' };
  if (v.checks.used >= v.checks.max) {
    return { kind: 'checks_in_flight' };
  }
  v.checks.used += 1;
  if (wellFormed) {
    v.checks.inFlight.push({ token, at: now });
    return { kind: 'ask', attempts };
  }
  closeWhenChecksAreUsedUp(c);
  return { kind: 'wrong' };
}

function endCheck(c: Context, event: Extract<VerificationEvent, { type: 'check_ended' }>): Answer {
  passTime(c);
  const { v } = c;
  if (isClosed(v)) return { kind: 'closed' };
  const reserved = v.checks.inFlight.some((check) => check.token === event.token);
  v.checks.inFlight = v.checks.inFlight.filter((check) => check.token !== event.token);
  for (const attempt of v.attempts) if (event.spent.includes(attempt.id)) attempt.spent = true;
  if (event.result === 'approved') {
    close(c, 'approved', null);
    return { kind: 'done' };
  }
  const countedNowhere = event.result === 'unavailable' || event.result === 'no_live_code';
  if (countedNowhere && reserved) v.checks.used -= 1;
  closeWhenChecksAreUsedUp(c);
  return { kind: 'done' };
}

/** A check whose process died stays counted: SignalWire may have counted it too. */
function dropDeadChecks(c: Context): void {
  // one that still lived when the verification expired did not end it, whoever looks later
  const until = Math.min(c.now, c.v.expiresAt);
  const alive = c.v.checks.inFlight.filter((check) => until < check.at + CHECK_TTL_MS);
  if (alive.length === c.v.checks.inFlight.length) return;
  c.v.checks.inFlight = alive;
  closeWhenChecksAreUsedUp(c);
}

function closeWhenChecksAreUsedUp(c: Context): void {
  const { checks } = c.v;
  if (checks.used >= checks.max && checks.inFlight.length === 0) close(c, 'failed', 'too_many_checks');
}

/** SignalWire accepted the code. */
function accept(c: Context, attempt: Attempt, mfaId: string): void {
  attempt.status = 'sent';
  attempt.mfaId = mfaId;
  attempt.sentAt = c.now;
  attempt.error = null;
  if (!isClosed(c.v)) c.v.status = 'pending';
  report(c, 'verification.attempt.sent', attempt);
}

/**
 * The answer to a try that had been given up: its code can be checked after all, so a replacement that has not begun
 * is not needed. The step's clock is not started anew: what is left of its waiting time becomes its timer.
 */
function acceptLateAnswer(c: Context, attempt: Attempt, mfaId: string): void {
  if (isClosed(c.v) || attempt.status !== 'unknown') return;
  attempt.lostToken = null;
  const active = activeAttempt(c.v);
  if (active?.status === 'queued' && active.trigger === 'unknown' && active.step === attempt.step) {
    skip(active, 'superseded', 'the code before it was accepted after all');
    if (!isOnLastStep(c.v)) c.v.timerAt = waitDeadline(c.v);
  }
  accept(c, attempt, mfaId);
}

/** No result will come: a code may be out, and its id is lost. The step gets one more attempt, then the next one starts. */
function loseTry(c: Context, attempt: Attempt, error: AttemptError): void {
  endUnknown(attempt, error);
  c.v.lastTryMisconfigured = false;
  report(c, 'verification.attempt.unknown', attempt);
  if (attempt.trigger === 'unknown') {
    startNextStep(c, 'failure');
    return;
  }
  const replacement = addAttempt(c, attempt.channel, 'unknown', attempt.step);
  if (!skipIfItCannotBeSent(c, replacement)) return;
  startNextStep(c, 'failure');
}

function endUnknown(attempt: Attempt, error: AttemptError): void {
  attempt.status = 'unknown';
  attempt.lostToken ??= attempt.flight?.token ?? null;
  attempt.flight = null;
  attempt.error = error;
}

function fail(c: Context, attempt: Attempt, error: AttemptError): void {
  attempt.status = 'failed';
  attempt.error = error;
  report(c, 'verification.attempt.failed', attempt);
  startNextStep(c, 'failure');
}

function retry(c: Context, attempt: Attempt, delayMs: number, error: AttemptError | null): void {
  attempt.status = 'queued';
  attempt.nextTryAt = c.now + delayMs;
  attempt.error = error;
}

function startNextStep(c: Context, trigger: AttemptTrigger): void {
  const { v } = c;
  v.timerAt = null;
  while (!isOnLastStep(v)) {
    v.currentStep += 1;
    v.stepStartedAt = c.now;
    const attempt = addAttempt(c, v.workflow[v.currentStep]?.channel ?? 'sms', trigger, v.currentStep);
    if (!skipIfItCannotBeSent(c, attempt)) {
      report(c, 'verification.fallback', attempt);
      return;
    }
  }
  const hopeless = activeAttempt(v) === undefined && checkableAttempts(v).length === 0;
  if (hopeless) close(c, 'failed', v.lastTryMisconfigured ? 'provider_misconfigured' : 'delivery_failed');
}

function skipIfItCannotBeSent(c: Context, attempt: Attempt): boolean {
  if (tooLate(c)) skip(attempt, 'time_left', 'too little time was left to enter a code');
  else if (c.v.sends >= c.v.maxSends) {
    skip(attempt, 'send_limit', `the limit of ${c.v.maxSends} codes for one verification is reached`);
  } else return false;
  return true;
}

function runOutOfTime(c: Context): void {
  const { v } = c;
  if (v.attempts.some((a) => a.sentAt !== null)) close(c, 'expired', 'expired');
  else close(c, 'failed', v.lastTryMisconfigured ? 'provider_misconfigured' : 'delivery_failed');
}

function close(c: Context, status: ClosedStatus, reason: CloseReason | null): void {
  for (const attempt of c.v.attempts) {
    if (attempt.status !== 'queued') continue;
    attempt.status = 'skipped';
    // A misconfigured account is why it never was sent, and what the operator has to mend.
    if (attempt.error?.code !== 'misconfigured')
      skip(attempt, 'closed', 'the verification was closed before it was sent');
  }
  c.v.timerAt = null;
  // Whenever somebody notices it, a verification ends no later than it expires.
  Object.assign(c.v, { status, reason, closedAt: Math.min(c.now, c.v.expiresAt) });
  report(c, `verification.${status}`, null);
}

function skip(attempt: Attempt, code: AttemptErrorCode, detail: string, httpStatus: number | null = null): void {
  attempt.status = 'skipped';
  attempt.error = { code, detail, httpStatus };
}

function addAttempt(c: Context, channel: Channel, trigger: AttemptTrigger, step: number): Attempt {
  const attempt: Attempt = {
    id: attemptIdOf(c.v.id, c.v.attempts.length),
    step,
    channel,
    trigger,
    status: 'queued',
    tries: 0,
    countedTries: 0,
    error: null,
    startedAt: c.now,
    sentAt: null,
    nextTryAt: c.now,
    flight: null,
    lostToken: null,
    mfaId: null,
    spent: false,
  };
  c.v.attempts.push(attempt);
  return attempt;
}

function report(c: Context, type: EventType, attempt: Attempt | null): void {
  c.v.sequence += 1;
  c.facts.push({
    type,
    at: c.now,
    sequence: c.v.sequence,
    verification: verificationView(c.v, 'masked'),
    attempt: attempt && attemptView(attempt),
  });
}

function tooLate(c: Context): boolean {
  return c.v.expiresAt - c.now < MIN_TIME_TO_SEND_MS;
}

function stepTimeoutMs(v: Verification): number {
  return (v.workflow[v.currentStep]?.timeout ?? DEFAULT_STEP_TIMEOUT_SECONDS) * 1000;
}

/** Until when a code of the current step may wait to be accepted before the next step starts instead. */
export function waitDeadline(v: Verification): EpochMs {
  return v.stepStartedAt + Math.max(stepTimeoutMs(v), MIN_STEP_WAIT_MS);
}

function backoff(c: Context, tryNumber: number, random: number): number {
  return fullJitterMs(tryNumber, { baseMs: c.policy.backoffMs, maxMs: c.policy.backoffMaxMs, random });
}

function assertNever(value: never): never {
  throw new Error(`unexpected ${JSON.stringify(value)}`);
}

/**
 * The moments at which time alone changes a verification, whatever happened before. The store's index of what is due
 * holds the earliest.
 */
export function nextDue(v: Verification, policy: Policy): EpochMs | null {
  const active = activeAttempt(v);
  const moments: EpochMs[] = [];
  if (active?.flight) moments.push(active.flight.at + policy.intentTtlMs);
  if (isClosed(v)) {
    if (v.to !== v.masked) moments.push(v.closedAt + policy.numberRetentionMs);
    return moments.length > 0 ? Math.min(...moments) : null;
  }
  moments.push(v.expiresAt, ...v.checks.inFlight.map((check) => check.at + CHECK_TTL_MS));
  if (v.timerAt !== null) moments.push(v.timerAt);
  if (active?.status === 'queued') {
    moments.push(v.expiresAt - MIN_TIME_TO_SEND_MS + 1);
    if (!isOnLastStep(v)) moments.push(waitDeadline(v));
  }
  return Math.min(...moments);
}

/**
 * When the verification's job in the `verifications` queue has to wake: at or before the next thing that is due in
 * the ordinary course. While a code is on its way this is the earliest moment its step's timer could end, so that the
 * job need not be moved when the code is accepted. The rare rest (a dead worker, a dead check) is the reconciler's.
 */
export function nextAlarm(v: OpenVerification, now: EpochMs): EpochMs {
  const moments = [v.expiresAt];
  if (v.timerAt !== null) moments.push(v.timerAt);
  const active = activeAttempt(v);
  if (active) {
    moments.push(v.expiresAt - MIN_TIME_TO_SEND_MS + 1);
    if (!isOnLastStep(v)) moments.push(v.stepStartedAt + stepTimeoutMs(v), waitDeadline(v));
  }
  const ahead = moments.filter((at) => at > now);
  return ahead.length > 0 ? Math.min(...ahead) : now;
}
