import { setTimeout as pause } from 'node:timers/promises';
import type { RequestHandler } from 'express';
import type { CheckResult } from '../shared/decide.ts';
import type { RandomHex } from '../shared/ids.ts';
import type { Metrics } from '../shared/metrics.ts';
import { NotReplicatedError } from '../shared/replication.ts';
import type { SignalWireClient, VerifyOutcome } from '../shared/signalwire-client.ts';
import type { TestNumbers } from '../shared/test-numbers.ts';
import { type Attempt, checkableAttempts, isClosed, type Verification } from '../shared/verification.ts';
import type { Stored, Update } from '../shared/verification-store.ts';
import { verificationView } from '../shared/verification-view.ts';
import { ownerOf } from './authenticate.ts';
import type { CheckLimits } from './check-limits.ts';
import { closedProblem } from './closed-problem.ts';
import type { FindVerification } from './find-verification.ts';
import { ProblemError } from './problems.ts';
import { parseBody } from './read-json.ts';
import type { RequestSchemas } from './schemas.ts';

interface Deps {
  find: FindVerification;
  limits: CheckLimits;
  signalwire: SignalWireClient;
  testNumbers: TestNumbers;
  metrics: Metrics;
  random: RandomHex;
  /** Milliseconds that only ever grow. */
  monotonicNow: () => number;
}

/** All questions to SignalWire for one check, together. */
const CHECK_LIMIT_MS = 10_000;
/** SignalWire has counted the check already, so storing what it said is worth some patience. */
const STORE_TRIES = 5;

export type CheckCode = (
  id: unknown,
  owner: string,
  code: string,
) => Promise<{ approved: boolean; verification: Verification }>;

/**
 * Builds the check of one code, already stripped of spaces and hyphens; contract section 4. One of the checks is
 * reserved before SignalWire is asked.
 *
 * @throws {ProblemError} when the code could not be judged, saying whether it counted.
 */
export function createCheckCode({
  find,
  limits,
  signalwire,
  testNumbers,
  metrics,
  random,
  monotonicNow,
}: Deps): CheckCode {
  return async function checkCode(id, owner, code) {
    const found = await find.find(id, owner);
    const before = found.verification;
    const alphabet = before.codeType === 'numeric' ? /^\d+$/ : /^[A-Za-z0-9]+$/;
    const wellFormed = code.length === before.codeLength && alphabet.test(code);
    const token = random(8);
    if (!isClosed(before)) await limits.admit(before, token);
    const { stored, answer } = await reserve(found, token, wellFormed);
    switch (answer.kind) {
      case 'ask':
        break;
      case 'wrong':
        metrics.checks.inc({ result: 'wrong' });
        await note(stored.verification, token, 'wrong');
        return { approved: false, verification: stored.verification };
      case 'no_code_sent':
        throw new ProblemError(
          'no-code-sent',
          'no code has been accepted by SignalWire yet; wait for status "pending"',
        );
      case 'no_live_code':
        throw noLiveCode();
      case 'checks_in_flight':
        throw new ProblemError(
          'checks-in-flight',
          'all checks are reserved and some are not answered yet; repeat later',
          {
            retryAfterMs: 1_000,
          },
        );
      default:
        throw closedProblem(stored.verification);
    }

    const { result, spent, retryAfterMs } = await askSignalWire(answer.attempts, code);
    metrics.checks.inc({ result });
    const end = await storeResult(() => find.updateKnown(stored, { type: 'check_ended', token, result, spent }));
    const { verification } = end.stored;
    await note(verification, token, result);
    if (end.answer.kind === 'closed') {
      // SignalWire says "right" once for each code: it was this check that approved, and only the reply was lost
      if (result === 'approved' && verification.status === 'approved') return { approved: true, verification };
      throw closedProblem(verification);
    }
    switch (result) {
      case 'approved':
        return { approved: true, verification };
      case 'wrong':
        return { approved: false, verification };
      case 'no_live_code':
        throw noLiveCode();
      case 'unavailable':
        throw new ProblemError(
          'provider-unavailable',
          'SignalWire could not be asked; the check was not counted: repeat it',
          {
            retryAfterMs: retryAfterMs ?? 2_000,
          },
        );
      case 'inconclusive':
        throw inconclusive('the answer was lost, and the check counts; send a new code if this repeats');
      default:
        return result satisfies never;
    }
  };

  /** Reserves a check; given back when replicas do not have it in time, since then nobody is asked. */
  async function reserve(found: Stored, token: string, wellFormed: boolean): Promise<Update> {
    try {
      return await find.updateKnown(found, { type: 'check_started', token, wellFormed });
    } catch (error) {
      if (error instanceof NotReplicatedError && !wellFormed && counts(found.verification)) {
        metrics.checks.inc({ result: 'wrong' }); // whether replicas have it or not: nobody has to be asked
        await note(found.verification, token, 'wrong');
        throw inconclusive(
          'the code has not the length or alphabet that was sent, which counts, but no replica of Redis has that yet',
        );
      }
      if (error instanceof NotReplicatedError) {
        const nothing = { type: 'check_ended', token, result: 'unavailable', spent: [] } as const;
        await find.updateKnown(found, nothing).catch(() => {}); // it then stays counted
        await note(found.verification, token, 'unavailable');
      }
      throw error;
    }
  }

  /** What the check came to is stored already: its answer does not wait for a Redis that went away since. */
  async function note(v: Verification, token: string, result: CheckResult): Promise<void> {
    await limits.note(v, token, result).catch(() => {});
  }

  /** Asks about each code that is out, the newest first, until one is right or the time is over. */
  async function askSignalWire(attempts: readonly Attempt[], code: string) {
    const startedAt = monotonicNow();
    const outcomes: VerifyOutcome[] = [];
    const spent: string[] = [];
    let retryAfterMs: number | undefined;
    for (const attempt of attempts) {
      const timeoutMs = Math.floor(CHECK_LIMIT_MS - (monotonicNow() - startedAt));
      if (timeoutMs <= 0 || attempt.mfaId === null) break;
      const outcome =
        testNumbers.check(attempt.mfaId, code) ?? (await signalwire.verify(attempt.mfaId, code, { timeoutMs }));
      outcomes.push(outcome);
      if (outcome.kind === 'spent') spent.push(attempt.id);
      if (outcome.kind === 'unavailable') retryAfterMs = outcome.retryAfterMs;
      if (outcome.kind === 'right') break;
    }
    return { result: judge(outcomes), spent, retryAfterMs };
  }

  async function storeResult<T>(store: () => Promise<T>): Promise<T> {
    for (let tried = 1; ; tried++) {
      try {
        return await store();
      } catch (error) {
        if (tried === STORE_TRIES || error instanceof ProblemError) throw error;
        await pause(100 * 2 ** tried);
      }
    }
  }
}

/** What the answers for all codes that are out add up to. */
export function judge(outcomes: readonly VerifyOutcome[]): CheckResult {
  const has = (kind: VerifyOutcome['kind']) => outcomes.some((outcome) => outcome.kind === kind);
  if (has('right')) return 'approved';
  if (has('lost')) return 'inconclusive';
  if (has('wrong')) return 'wrong';
  return has('unavailable') ? 'unavailable' : 'no_live_code';
}

/** Whether a code that cannot be right is one of the checks. */
function counts(v: Verification): boolean {
  return !isClosed(v) && v.checks.used < v.checks.max && checkableAttempts(v).length > 0;
}

function inconclusive(detail: string): ProblemError {
  return new ProblemError('check-inconclusive', detail, { retryAfterMs: 1_000 });
}

function noLiveCode(): ProblemError {
  return new ProblemError('no-live-code', 'every code that was sent is used up or expired; ask for another attempt');
}

/** `POST /v1/verifications/{id}/checks` */
export function checkCodeRoute(checkCode: CheckCode, schemas: RequestSchemas): RequestHandler {
  return async (request, response) => {
    const { code } = parseBody(schemas.CheckCode, request.body);
    const { approved, verification } = await checkCode(request.params['id'], ownerOf(response), code);
    const view = verificationView(verification, 'full');
    response.json({ approved, checks: view.checks, verification: view });
  };
}
