import type { RequestHandler } from 'express';
import { verificationView } from '../shared/verification-view.ts';
import { ownerOf } from './authenticate.ts';
import type { FindVerification } from './find-verification.ts';

/** `GET /v1/verifications/{id}`: what is due by the clock has happened before it is shown. */
export function getVerificationRoute({ update }: FindVerification): RequestHandler {
  return async (request, response) => {
    const { stored } = await update(request.params['id'], ownerOf(response), { type: 'tick' });
    response.set('etag', `"${stored.version}"`).json(verificationView(stored.verification, 'full'));
  };
}
