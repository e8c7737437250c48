import type { RequestHandler } from 'express';
import type { CallbackStore } from '../shared/callback-store.ts';
import { callbackView } from '../shared/callback-view.ts';
import { ownerOf } from './authenticate.ts';
import type { FindVerification } from './find-verification.ts';

/** `GET /v1/verifications/{id}/callbacks`: what was owed, and every delivery made for it, oldest first. */
export function listVerificationCallbacksRoute({ find }: FindVerification, callbacks: CallbackStore): RequestHandler {
  return async (request, response) => {
    const { verification } = await find(request.params['id'], ownerOf(response));
    const ids = await callbacks.ofVerification(verification.id);
    const found = await Promise.all(ids.map((id) => callbacks.read(id)));
    response.json({
      object: 'list',
      data: found.flatMap((stored) => (stored ? [callbackView(stored.callback)] : [])),
      next_cursor: null,
    });
  };
}
