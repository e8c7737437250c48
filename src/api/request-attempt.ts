import type { Channel } from '../shared/channel.ts';
import type { Verification } from '../shared/verification.ts';
import { verificationView } from '../shared/verification-view.ts';
import { ownerOf } from './authenticate.ts';
import { closedProblem } from './closed-problem.ts';
import type { FindVerification } from './find-verification.ts';
import type { IdempotentRoute } from './idempotency.ts';
import { ProblemError } from './problems.ts';
import { parseBody } from './read-json.ts';
import type { RequestSchemas } from './schemas.ts';

/** @param idempotencySeed - names the request: repeated with the same seed it is not done twice, though its answer was lost. */
export type RequestAttempt = (
  id: unknown,
  owner: string,
  channel: Channel | undefined,
  idempotencySeed?: string,
) => Promise<Verification>;

/** Builds the request for another code now. @throws {ProblemError} when none can be sent, saying why. */
export function createRequestAttempt({ update }: FindVerification): RequestAttempt {
  return async function requestAttempt(id, owner, channel, idempotencySeed) {
    const { stored, answer } = await update(id, owner, {
      type: 'attempt_requested',
      channel,
      request: idempotencySeed,
    });
    switch (answer.kind) {
      case 'done':
        return stored.verification;
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
}

/** `POST /v1/verifications/{id}/attempts` */
export function requestAttemptRoute(requestAttempt: RequestAttempt, schemas: RequestSchemas): IdempotentRoute {
  return async (request, response, seed) => {
    const { channel } = parseBody(schemas.RequestAttempt, request.body === undefined ? {} : request.body);
    const verification = await requestAttempt(request.params['id'], ownerOf(response), channel, seed);
    return { status: 202, body: verificationView(verification, 'full') };
  };
}
