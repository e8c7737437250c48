import type { RequestHandler } from 'express';
import { z } from 'zod';
import { verificationView } from '../shared/verification-view.ts';
import { ownerOf } from './authenticate.ts';
import { closedProblem } from './closed-problem.ts';
import type { FindVerification } from './find-verification.ts';
import { parseBody } from './read-json.ts';

/** A cancel says all by its address. */
const NoFields = z.strictObject({});

/** `POST /v1/verifications/{id}/cancel`: closes it, once; a repeat is answered alike. */
export function cancelVerificationRoute({ update }: FindVerification): RequestHandler {
  return async (request, response) => {
    if (request.body !== undefined) parseBody(NoFields, request.body);
    const { stored } = await update(request.params['id'], ownerOf(response), { type: 'canceled', reason: 'canceled' });
    const v = stored.verification;
    if (v.status !== 'canceled') throw closedProblem(v);
    response.json(verificationView(v, 'full'));
  };
}
