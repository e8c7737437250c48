import type { RequestHandler } from 'express';
import { verificationView } from '../shared/verification-view.ts';
import { ownerOf } from './authenticate.ts';
import { closedProblem } from './closed-problem.ts';
import type { FindVerification } from './find-verification.ts';

/** `POST /v1/verifications/{id}/cancel`: closes it, once; a repeat is answered alike. */
export function cancelVerificationRoute({ update }: FindVerification): RequestHandler {
  return async (request, response) => {
    const { stored } = await update(request.params['id'], ownerOf(response), { type: 'canceled', reason: 'canceled' });
    const v = stored.verification;
    if (v.status !== 'canceled') throw closedProblem(v);
    response.json(verificationView(v, 'full'));
  };
}
