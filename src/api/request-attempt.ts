import type { Channel } from '../shared/channel.ts';
import type { Clock } from '../shared/clock.ts';
import { decide, type Policy, type VerificationEvent } from '../shared/decide.ts';
import type { RandomHex } from '../shared/ids.ts';
import type { Applicant, Quota, Screening } from '../shared/screening.ts';
import { isClosed, type Verification } from '../shared/verification.ts';
import { ownerOf } from './authenticate.ts';
import { closedProblem } from './closed-problem.ts';
import { applicantFor } from './draft-verification.ts';
import type { FindVerification } from './find-verification.ts';
import type { IdempotentRoute } from './idempotency.ts';
import { ProblemError } from './problems.ts';
import { rateLimited, tellQuotas } from './rate-limit.ts';
import { parseBody } from './read-json.ts';
import type { RequestSchemas } from './schemas.ts';

/** @param idempotencySeed - names the request: repeated with the same seed it is not done twice, though its answer was lost. */
export type RequestAttempt = (
  id: unknown,
  owner: string,
  channel: Channel | undefined,
  idempotencySeed?: string,
) => Promise<{ verification: Verification; quotas: readonly Quota[] }>;

type AttemptRequested = Extract<VerificationEvent, { type: 'attempt_requested' }>;

interface Deps {
  find: FindVerification;
  screening: Screening;
  policy: Policy;
  clock: Clock;
  random: RandomHex;
}

/** Builds the request for another code now. @throws {ProblemError} when none can be sent, saying why. */
export function createRequestAttempt({ find, screening, policy, clock, random }: Deps): RequestAttempt {
  return async function requestAttempt(id, owner, channel, idempotencySeed) {
    const event = { type: 'attempt_requested', channel, request: idempotencySeed } as const;
    const applicant = applicantOf((await find.find(id, owner)).verification, event);
    let quotas: readonly Quota[] = [];
    if (applicant) {
      const screened = await screening.screen(applicant);
      const { outcome } = screened;
      quotas = screened.quotas;
      if (outcome.kind === 'limited') throw rateLimited(outcome, quotas);
      if (outcome.kind === 'blocked')
        throw new ProblemError('forbidden', `no more codes go to this number: ${outcome.reason}`);
    }
    const { stored, answer, change } = await find.update(id, owner, event);
    if (applicant && (answer.kind !== 'done' || change === null)) await screening.release(applicant);
    switch (answer.kind) {
      case 'done':
        return { verification: stored.verification, quotas };
      case 'attempt_in_progress':
        throw new ProblemError('attempt-in-progress', 'a code is being sent at this moment; wait for its result', {
          retryAfterMs: 1_000,
        });
      case 'no_step_left':
        throw new ProblemError('no-step-left', 'the last step has started; name a "channel" to send on it once more');
      case 'send_limit':
        throw new ProblemError('send-limit', 'no more codes are sent for this verification; submit a new one');
      case 'too_little_time':
        throw new ProblemError('too-little-time', 'it expires before another code could be entered; submit a new one');
      case 'cooldown':
        throw new ProblemError(
          'cooldown',
          'a code went out over this channel a moment ago; wait, or ask for the other channel',
          {
            retryAfterMs: answer.retryAfterMs,
          },
        );
      default:
        throw closedProblem(stored.verification);
    }
  };

  /** Who is to be judged; undefined when nothing would be sent anyway: what is refused counts against no limit. */
  function applicantOf(v: Verification, event: AttemptRequested): Applicant | undefined {
    const now = clock.now();
    const { next, answer } = decide(v, event, now, policy);
    if (isClosed(v) || answer.kind !== 'done' || next.attempts.length === v.attempts.length) return undefined;
    const channels = next.attempts.slice(-1).map((attempt) => attempt.channel);
    return { ...applicantFor(v), kind: 'attempt', token: event.request ?? random(16), channels, now };
  }
}

/** `POST /v1/verifications/{id}/attempts` */
export function requestAttemptRoute(requestAttempt: RequestAttempt, schemas: RequestSchemas): IdempotentRoute {
  return async (request, response, seed) => {
    const { channel } = parseBody(schemas.RequestAttempt, request.body === undefined ? {} : request.body);
    const { verification, quotas } = await requestAttempt(request.params['id'], ownerOf(response), channel, seed);
    tellQuotas(response, quotas);
    return { status: 202, verification };
  };
}
