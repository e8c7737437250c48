import { type Job, UnrecoverableError } from 'bullmq';
import type { Logger } from 'pino';
import type { Channel } from '../shared/channel.ts';
import type { SendOutcome } from '../shared/classify-send.ts';
import type { Clock } from '../shared/clock.ts';
import type { Answer, TryOutcome } from '../shared/decide.ts';
import type { RandomHex } from '../shared/ids.ts';
import type { Metrics } from '../shared/metrics.ts';
import { explainSealed, isSealed } from '../shared/number-cipher.ts';
import { LEAVE_WITHIN_MS } from '../shared/policy.ts';
import { AttemptJob } from '../shared/queues.ts';
import { NotReplicatedError } from '../shared/replication.ts';
import type { SignalWireClient } from '../shared/signalwire-client.ts';
import type { Tallies } from '../shared/tallies.ts';
import type { TestNumbers } from '../shared/test-numbers.ts';
import type { TroubleBoard } from '../shared/trouble.ts';
import type { Attempt, Verification } from '../shared/verification.ts';
import type { Verifications } from '../shared/verifications.ts';
import type { Circuit } from './circuit.ts';
import type { HeldBack } from './held-back.ts';
import type { PauseChannel } from './pause-channel.ts';
import { RetryLater, sleepUntil } from './retry-later.ts';
import { untilStored } from './until-stored.ts';

interface Deps {
  verifications: Verifications;
  signalwire: SignalWireClient;
  testNumbers: TestNumbers;
  circuits: Record<Channel, Circuit>;
  heldBack: Record<Channel, HeldBack>;
  pauseChannel: PauseChannel;
  troubles: TroubleBoard;
  clock: Clock;
  /** Milliseconds that only ever grow. */
  monotonicNow: () => number;
  metrics: Metrics;
  tallies: Pick<Tallies, 'countTry'>;
  log: Logger;
  randomHex: RandomHex;
  /** From 0 up to 1. */
  random: () => number;
}

/**
 * Builds the processor of the `sms` and `call` queues: one run is one try. The intent is stored before the request
 * leaves and its result after; what happens next stands in the verification, and the job only follows it.
 */
export function createSendAttempt(deps: Deps) {
  const { verifications, signalwire, clock, monotonicNow, metrics, log } = deps;

  return async function sendAttempt(job: Job, jobToken: string | undefined): Promise<string> {
    const parsed = AttemptJob.safeParse(job.data);
    if (!parsed.success) throw new UnrecoverableError('set aside: the data of this job is not that of an attempt');
    const { verification_id: id, attempt_id: attemptId, channel } = parsed.data;

    const leave = deps.circuits[channel].admit();
    if ('waitMs' in leave) return sleepUntil(job, jobToken, clock.now() + leave.waitMs, clock);

    const token = deps.randomHex(8);
    const claimedAt = monotonicNow();
    const random = deps.random();
    const claim = await verifications
      .update(id, { type: 'try_started', attemptId, token })
      .catch(async (error: unknown) => {
        leave.giveBack();
        if (error instanceof NotReplicatedError) {
          // left as it is, it would look like a try of a worker that died
          const outcome = { kind: 'not_left' } as const;
          const notLeft = { type: 'try_ended', attemptId, token, outcome, random } as const;
          await untilStored(log, () => verifications.update(id, notLeft));
        }
        throw error;
      });
    if (claim?.answer.kind !== 'send') leave.giveBack();
    if (claim === undefined) throw new UnrecoverableError('set aside: there is no such verification');
    if (claim.answer.kind === 'wait') return sleepUntil(job, jobToken, claim.answer.until, clock);
    if (claim.answer.kind !== 'send') return describe(claim.stored.verification, attemptId);

    const { attempt, validForMs } = claim.answer;
    const heldBackByRate = deps.heldBack[channel].begin((attempt.flight?.at ?? 0) - attempt.nextTryAt);
    const testId = deps.testNumbers.send(claim.stored.verification.to);
    if (testId !== undefined) leave.giveBack(); // it would say nothing about SignalWire
    const outcome: TryOutcome =
      testId !== undefined
        ? { kind: 'sent', mfaId: testId, httpStatus: 200 }
        : await leave.run(async () => {
            const leaveWithinMs = LEAVE_WITHIN_MS - (monotonicNow() - claimedAt);
            if (leaveWithinMs <= 0) return { kind: 'not_left' };
            return send(claim.stored.verification, attempt, validForMs, leaveWithinMs);
          });
    const ended = { type: 'try_ended', attemptId, token, outcome, random, heldBackByRate } as const;
    const result = await untilStored(log, () => verifications.update(id, ended, claim.stored));
    const line = testId === undefined ? words(outcome) : 'a test number: nothing is sent';
    // of a first try that was sent the job's own result tells all; the job may have been deleted by hand
    if (outcome.kind !== 'sent' || attempt.tries > 1) job.log(`try ${attempt.tries}: ${line}`).catch(() => {});
    if (testId === undefined) await tellOthers(claim.stored.verification, attempt, outcome);
    return follow(job, jobToken, outcome, result?.answer, attempt, result?.stored.verification);
  };

  async function send(
    v: Verification,
    attempt: Attempt,
    validForMs: number,
    leaveWithinMs: number,
  ): Promise<SendOutcome> {
    if (isSealed(v.to)) return { kind: 'misconfigured', detail: explainSealed(v.to), httpStatus: null };
    const startedAt = monotonicNow();
    const outcome = await signalwire.send(
      {
        channel: attempt.channel,
        to: v.to,
        ...(v.from !== null && { from: v.from }),
        ...(v.message !== null && { message: v.message }),
        tokenLength: v.codeLength,
        validForSeconds: Math.floor(validForMs / 1000),
        maxAttempts: v.checks.max + 2, // so that our own limit always comes first
        allowAlphas: v.codeType === 'alphanumeric',
      },
      { leaveWithinMs },
    );
    const seconds = (monotonicNow() - startedAt) / 1000;
    metrics.tries.inc({ channel: attempt.channel, outcome: outcome.kind });
    deps.tallies.countTry(attempt.channel, outcome);
    metrics.tryDuration.observe({ channel: attempt.channel, outcome: outcome.kind }, seconds);
    return outcome;
  }

  /** What one try's outcome means for the whole channel and for the operator. */
  async function tellOthers(v: Verification, attempt: Attempt, outcome: TryOutcome): Promise<void> {
    const { channel } = attempt;
    if (outcome.kind === 'rate_limited') {
      await deps.pauseChannel(channel, v.numberHash, outcome.retryAfterMs);
    } else if (outcome.kind === 'misconfigured' || (outcome.kind === 'refused' && outcome.account)) {
      const code = isSealed(v.to) ? 'encryption_key' : outcome.kind === 'misconfigured' ? 'misconfigured' : 'account';
      log.error({ channel, httpStatus: outcome.httpStatus, reason: outcome.detail }, `${code}: an operator has to act`);
      await deps.troubles.report({ channel, code, detail: outcome.detail }, clock.now());
    } else if (outcome.kind === 'sent') {
      await deps.troubles.clear(channel, ['misconfigured', 'account']);
    }
  }

  function follow(
    job: Job,
    jobToken: string | undefined,
    outcome: TryOutcome,
    answer: Answer | undefined,
    attempt: Attempt,
    after: Verification | undefined,
  ): Promise<string> | string {
    if (answer?.kind === 'wait') {
      const { until } = answer;
      if (outcome.kind === 'not_left') return sleepUntil(job, jobToken, until, clock);
      throw new RetryLater(words(outcome), until - clock.now());
    }
    if (outcome.kind === 'sent' || after === undefined) return describe(after, attempt.id);
    throw new UnrecoverableError(words(outcome));
  }
}

/** How a try ended, for the queue's own display. */
function words(outcome: TryOutcome): string {
  return 'detail' in outcome ? `${outcome.kind}: ${outcome.detail}` : outcome.kind;
}

function describe(v: Verification | undefined, attemptId: string): string {
  const attempt = v?.attempts.find((a) => a.id === attemptId);
  return attempt ? `attempt ${attempt.status}${attempt.error ? ` (${attempt.error.code})` : ''}` : 'gone';
}
