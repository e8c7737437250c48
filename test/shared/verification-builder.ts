import type { Channel } from '../../src/shared/channel.ts';
import type { SendOutcome } from '../../src/shared/classify-send.ts';
import type { EpochMs } from '../../src/shared/clock.ts';
import {
  type Answer,
  type CheckResult,
  decide,
  open,
  type Policy,
  type TryOutcome,
  type VerificationEvent,
  type VerificationFact,
} from '../../src/shared/decide.ts';
import {
  type Attempt,
  activeAttempt,
  type CloseReason,
  type OpenVerification,
  type Verification,
} from '../../src/shared/verification.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const START: EpochMs = Date.UTC(2026, 0, 5, 9);

export const POLICY: Policy = {
  sendTries: 3,
  backoffMs: 500,
  backoffMaxMs: 15 * SECOND,
  intentTtlMs: 13 * SECOND,
  resendCooldownMs: 30 * SECOND,
  numberRetentionMs: 24 * HOUR,
};

/** What a try can come to; each is the plainest of its kind. */
export const OUTCOMES = {
  sent: { kind: 'sent', mfaId: 'mfa-1', httpStatus: 200 },
  not_sent: { kind: 'not_sent', detail: 'connection refused', httpStatus: null, retryAfterMs: undefined },
  rate_limited: { kind: 'rate_limited', detail: 'answered 429', httpStatus: 429, retryAfterMs: 2 * SECOND },
  unknown: { kind: 'unknown', detail: 'the answer was lost', httpStatus: null },
  refused: { kind: 'refused', detail: 'answered 422', httpStatus: 422, providerCode: undefined, account: false },
  misconfigured: { kind: 'misconfigured', detail: 'answered 401', httpStatus: 401 },
  not_left: { kind: 'not_left' },
} as const satisfies Record<SendOutcome['kind'] | 'not_left', TryOutcome>;

export type OutcomeName = keyof typeof OUTCOMES;

export interface Draft {
  workflow?: { channel: Channel; timeout?: number }[];
  expiresInMs?: number;
  maxSends?: number;
  maxChecks?: number;
}

/** A verification that nothing has happened to: a text, after 45 s a call, ten minutes in all. */
export function draftOf({ workflow, expiresInMs, maxSends, maxChecks }: Draft = {}): OpenVerification {
  return {
    schema: 1,
    id: `ver_7a${'0'.repeat(32)}`,
    owner: 'acme',
    to: '+447700900123',
    masked: '+44••••••••23',
    numberHash: 'hash',
    country: 'GB',
    from: null,
    message: null,
    codeLength: 6,
    codeType: 'numeric',
    callbackUrl: null,
    reference: 'login-8812',
    metadata: { user: '42' },
    workflow: workflow ?? [{ channel: 'sms', timeout: 45 }, { channel: 'call' }],
    currentStep: 0,
    stepStartedAt: START,
    timerAt: null,
    attempts: [],
    sends: 0,
    maxSends: maxSends ?? 4,
    checks: { used: 0, max: maxChecks ?? 5, inFlight: [] },
    sequence: 0,
    lastTryMisconfigured: false,
    createdAt: START,
    expiresAt: START + (expiresInMs ?? 10 * MINUTE),
    status: 'queued',
    reason: null,
    closedAt: null,
  };
}

export type Story = ReturnType<typeof startStory>;

/** A verification and its clock: each call is one event, at a moment that the test has moved to. */
export function startStory(draft: Draft = {}, policyChanges: Partial<Policy> = {}, blocked: CloseReason | null = null) {
  const policy: Policy = { ...POLICY, ...policyChanges };
  const facts: VerificationFact[] = [];
  let now = START;
  let told = 0;
  let tokens = 0;
  let lastToken = '';
  const opening = open(draftOf(draft), now, policy, blocked);
  let v: Verification = opening.next;
  facts.push(...opening.facts);

  const nthOf = (attemptId: string) => v.attempts.findIndex((a) => a.id === attemptId);
  const attempt = (n: number): Attempt => {
    const found = v.attempts.at(n);
    if (found === undefined) throw new Error(`there is no attempt ${n}`);
    return found;
  };

  const story = {
    policy,
    facts,
    attempt,
    get v() {
      return v;
    },
    get now() {
      return now;
    },
    /** Attempts in one line each: `sms initial failed: refused`. */
    get attempts() {
      return v.attempts.map((a) => `${a.channel} ${a.trigger} ${a.status}${a.error ? `: ${a.error.code}` : ''}`);
    },
    /** The facts since this was last asked: `attempt.sent 0`, `fallback 1 timeout`, `expired`. */
    told() {
      const lines = facts.slice(told).map(({ type, attempt: a }) => {
        const name = type.replace('verification.', '');
        if (a === null) return name;
        return name === 'fallback' ? `${name} ${nthOf(a.id)} ${a.trigger}` : `${name} ${nthOf(a.id)}`;
      });
      told = facts.length;
      return lines;
    },

    /** Puts the verification into a state that its own events could not bring about. */
    force(change: (v: Verification) => void) {
      v = structuredClone(v);
      change(v);
    },
    advance(ms: number) {
      now += ms;
      return story;
    },
    moveTo(at: EpochMs) {
      if (at < now) throw new Error('time does not go back');
      now = at;
      return story;
    },
    happen(event: VerificationEvent): Answer {
      const decision = decide(v, event, now, policy);
      v = decision.next;
      facts.push(...decision.facts);
      return decision.answer;
    },

    tick: () => story.happen({ type: 'tick' }),
    cancel: (reason: 'canceled' | 'replaced' = 'canceled') => story.happen({ type: 'canceled', reason }),
    request: (channel?: Channel, request?: string) => story.happen({ type: 'attempt_requested', channel, request }),

    /** A worker asks whether it may send. Without a token it is a new run. */
    startTry(n = -1, token?: string): Answer {
      tokens += token === undefined ? 1 : 0;
      lastToken = token ?? `run-${tokens}`;
      return story.happen({ type: 'try_started', attemptId: attempt(n).id, token: lastToken });
    },
    /** The result of a try; without a token, that of the run which asked last. */
    endTry(outcome: TryOutcome | OutcomeName, options: { n?: number; token?: string; random?: number } = {}): Answer {
      return story.happen({
        type: 'try_ended',
        attemptId: attempt(options.n ?? -1).id,
        token: options.token ?? lastToken,
        outcome: typeof outcome === 'string' ? OUTCOMES[outcome] : outcome,
        random: options.random ?? 0.5,
      });
    },
    /** One whole try of the attempt whose turn it is, at the moment when it may begin. */
    tryOnce(outcome: TryOutcome | OutcomeName): Answer {
      const active = activeAttempt(v);
      if (active === undefined) throw new Error('no attempt is under way');
      now = Math.max(now, active.nextTryAt);
      const answer = story.startTry();
      if (answer.kind !== 'send') throw new Error(`nothing may be sent: ${answer.kind}`);
      return story.endTry(outcome);
    },

    startCheck: (token = 'check', wellFormed = true) => story.happen({ type: 'check_started', token, wellFormed }),
    endCheck: (result: CheckResult, token = 'check', spent: number[] = []) =>
      story.happen({ type: 'check_ended', token, result, spent: spent.map((n) => attempt(n).id) }),
    /** One whole check that the store and SignalWire answer at once. */
    check(result: CheckResult, spent: number[] = []): Answer {
      tokens += 1;
      const answer = story.startCheck(`check-${tokens}`);
      if (answer.kind !== 'ask') throw new Error(`nothing can be checked: ${answer.kind}`);
      return story.endCheck(result, `check-${tokens}`, spent);
    },
  };
  return story;
}
