import fc from 'fast-check';
import { CHANNELS } from '../../src/shared/channel.ts';
import {
  type Answer,
  type CheckResult,
  type Decision,
  decide,
  nextDue,
  open,
  type Policy,
  type VerificationEvent,
  type VerificationFact,
} from '../../src/shared/decide.ts';
import { attemptIdOf } from '../../src/shared/ids.ts';
import { activeAttempt, type Verification } from '../../src/shared/verification.ts';
import {
  type Draft,
  draftOf,
  MINUTE,
  OUTCOMES,
  type OutcomeName,
  POLICY,
  SECOND,
  START,
} from './verification-builder.ts';

/** Numbers choose among what there is by then: the n-th of the runs, checks or attempts, counted from the newest. */
type Command =
  | { do: 'tick' }
  | { do: 'start_try'; attempt: number }
  | { do: 'repeat_start'; run: number }
  | { do: 'end_try'; run: number; outcome: OutcomeName; retryAfterMs: number | undefined; random: number }
  | { do: 'request'; channel: 'sms' | 'call' | undefined; request: string | undefined }
  | { do: 'start_check'; wellFormed: boolean }
  | { do: 'repeat_check'; check: number }
  | { do: 'end_check'; check: number; result: CheckResult; spends: boolean }
  | { do: 'cancel' };
/** Time passes by so many milliseconds, or to the next due moment, or to just before it. */
type Pass = number | 'due' | 'before_due' | 'turn';

export interface Plot {
  draft: Draft;
  policy: Policy;
  turns: { pass: Pass; command: Command }[];
}

const newest = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat(3));
const weighted = (arbitraries: [number, fc.Arbitrary<Command>][]) =>
  fc.oneof(...arbitraries.map(([weight, arbitrary]) => ({ weight, arbitrary })));
const is = <T extends Command['do']>(name: T) => fc.constant(name);

const endTry: fc.Arbitrary<Command> = fc.record({
  do: is('end_try'),
  run: newest,
  outcome: fc.constantFrom(...(Object.keys(OUTCOMES) as OutcomeName[]), 'sent', 'sent', 'unknown'),
  retryAfterMs: fc.constantFrom(undefined, 0, 2 * SECOND, 70 * SECOND),
  random: fc.constantFrom(0, 0.5, 0.999),
});
const startCheck: fc.Arbitrary<Command> = fc.record({
  do: is('start_check'),
  wellFormed: fc.constantFrom(true, true, true, false),
});
const endCheck: fc.Arbitrary<Command> = fc.record({
  do: is('end_check'),
  check: newest,
  result: fc.constantFrom('wrong', 'inconclusive', 'unavailable', 'no_live_code', 'approved'),
  spends: fc.boolean(),
});
const command = weighted([
  [6, fc.record({ do: is('tick') })],
  [1, fc.record({ do: is('cancel') })],
  [8, fc.record({ do: is('start_try'), attempt: newest })],
  [2, fc.record({ do: is('repeat_start'), run: newest })],
  [8, endTry],
  [
    10,
    fc.record({
      do: is('request'),
      channel: fc.constantFrom(...CHANNELS, undefined),
      request: fc.constantFrom('a', 'b', undefined, undefined),
    }),
  ],
  [8, startCheck],
  [2, fc.record({ do: is('repeat_check'), check: newest })],
  [4, endCheck],
]);

const pass: fc.Arbitrary<Pass> = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.constant('turn' as const) },
  { weight: 3, arbitrary: fc.constantFrom(1, SECOND, 5 * SECOND, 13 * SECOND, 31 * SECOND) },
  { weight: 2, arbitrary: fc.constantFrom('due' as const, 'before_due' as const) },
);

/** Mostly single events; often enough a whole try or a whole check, or few would get far. */
const scenes: fc.Arbitrary<Plot['turns']> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.record({ pass, command })) },
  {
    weight: 4,
    arbitrary: fc.tuple(
      fc.constant({ pass: 'turn' as const, command: { do: 'start_try' as const, attempt: 0 } }),
      fc.record({ pass: fc.constantFrom(0, SECOND), command: endTry }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(
      fc.record({ pass: fc.constant(0), command: startCheck }),
      fc.record({ pass: fc.constantFrom(0, SECOND), command: endCheck }),
    ),
  },
);

/** A verification, a policy and what happens, all of them small enough that the limits are met. */
export const plot: fc.Arbitrary<Plot> = fc.record({
  draft: fc.record({
    workflow: fc.array(fc.record({ channel: fc.constantFrom(...CHANNELS), timeout: fc.constantFrom(5, 45, 90) }), {
      minLength: 1,
      maxLength: 4,
    }),
    expiresInMs: fc.constantFrom(MINUTE, 2 * MINUTE, 10 * MINUTE),
    maxSends: fc.integer({ min: 1, max: 5 }),
    maxChecks: fc.integer({ min: 1, max: 4 }),
  }),
  policy: fc.record({
    sendTries: fc.integer({ min: 1, max: 3 }),
    backoffMs: fc.constant(500),
    backoffMaxMs: fc.constant(15 * SECOND),
    intentTtlMs: fc.constantFrom(13 * SECOND, 40 * SECOND),
    resendCooldownMs: fc.constantFrom(0, 30 * SECOND),
    numberRetentionMs: fc.constantFrom(0, POLICY.numberRetentionMs),
  }),
  turns: fc.array(scenes, { minLength: 3, maxLength: 20, size: 'max' }).map((acts) => acts.flat()),
});

/** One event as it happened. */
export interface Scene {
  before: Verification;
  event: VerificationEvent;
  now: number;
  decision: Decision;
}

/** A run that asked whether it may send. */
interface Run {
  attemptId: string;
  token: string;
  granted: boolean;
  /** Whether what it did may have made SignalWire send a code. */
  mayHaveSent: boolean;
}

/** What happens to one verification over time; all that the world knows of it besides its own record. */
export function createPlay({ draft, policy }: Plot) {
  const opening = open(draftOf(draft), START, policy, null);
  const runs: Run[] = [];
  const checks: string[] = [];
  const facts: VerificationFact[] = [...opening.facts];
  let now = START;
  let v = opening.next;

  const fromEnd = <T>(list: readonly T[], n: number): T | undefined => list.at(-1 - n);

  function eventOf(c: Command): VerificationEvent | undefined {
    switch (c.do) {
      case 'tick':
        return { type: 'tick' };
      case 'start_try': {
        const attemptId = fromEnd(v.attempts, c.attempt)?.id ?? attemptIdOf(v.id, 99);
        runs.push({ attemptId, token: `run-${runs.length}`, granted: false, mayHaveSent: false });
        return { type: 'try_started', attemptId, token: `run-${runs.length - 1}` };
      }
      case 'repeat_start': {
        const run = fromEnd(runs, c.run);
        return run && { type: 'try_started', attemptId: run.attemptId, token: run.token };
      }
      case 'end_try': {
        const run = fromEnd(runs, c.run);
        const plain = OUTCOMES[c.outcome];
        const outcome = 'retryAfterMs' in plain ? { ...plain, retryAfterMs: c.retryAfterMs } : plain;
        return run && { type: 'try_ended', attemptId: run.attemptId, token: run.token, outcome, random: c.random };
      }
      case 'request':
        return { type: 'attempt_requested', channel: c.channel, request: c.request };
      case 'start_check':
        checks.push(`check-${checks.length}`);
        return { type: 'check_started', token: `check-${checks.length - 1}`, wellFormed: c.wellFormed };
      case 'repeat_check': {
        const token = fromEnd(checks, c.check);
        return token === undefined ? undefined : { type: 'check_started', token, wellFormed: true };
      }
      case 'end_check': {
        const token = fromEnd(checks, c.check);
        const spent = c.spends ? v.attempts.filter((a) => a.status === 'sent').map((a) => a.id) : [];
        return token === undefined ? undefined : { type: 'check_ended', token, result: c.result, spent };
      }
      case 'cancel':
        return { type: 'canceled', reason: 'canceled' };
      default:
        return c satisfies never;
    }
  }

  function passTime(by: Pass): void {
    const due = nextDue(v, policy) ?? now;
    const turn = activeAttempt(v)?.nextTryAt ?? now;
    const to = by === 'due' ? due : by === 'before_due' ? due - 1 : by === 'turn' ? turn : now + by;
    now = Math.max(now, to);
  }

  /** What the world learns from an event: the last run that was granted may have made SignalWire send a code. */
  function note(event: VerificationEvent, answer: Answer): void {
    const run = 'token' in event ? runs.find((r) => r.token === event.token) : undefined;
    if (run === undefined) return;
    if (event.type === 'try_started' && answer.kind === 'send') {
      run.granted = true;
      run.mayHaveSent = true;
    }
    const proves = event.type === 'try_ended' && !['sent', 'unknown'].includes(event.outcome.kind);
    if (proves) run.mayHaveSent = false;
  }

  return {
    facts,
    runs,
    get v() {
      return v;
    },
    get now() {
      return now;
    },
    act(by: Pass, c: Command): Scene | undefined {
      passTime(by);
      const event = eventOf(c);
      return event && this.happen(event);
    },
    happen(event: VerificationEvent): Scene {
      const before = v;
      const decision = decide(before, event, now, policy);
      v = decision.next;
      facts.push(...decision.facts);
      note(event, decision.answer);
      return { before, event, now, decision };
    },
  };
}
