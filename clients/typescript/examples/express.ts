// An Express application that proves phone numbers: one route submits, one checks the code, one takes callbacks.
import express, { type ErrorRequestHandler } from 'express';
import { CallbackSignatureError, isRingbackError, type Ringback, verifyCallback } from 'ringback-client';

interface Deps {
  ringback: Ringback;
  /** `CALLBACK_SECRET` of the service, or the secret of your callback endpoint. */
  callbackSecret: string;
  /** Called with what was submitted as `reference`; more than once for one proof is possible. */
  onProven: (user: string) => void;
}

export function createApp({ ringback, callbackSecret, onProven }: Deps) {
  const app = express();

  // before express.json(): the signature is over the bytes as they came
  app.post('/hooks/ringback', express.raw({ type: 'application/json' }), async (request, response) => {
    const { event } = await verifyCallback({ secret: callbackSecret, headers: request.headers, body: request.body });
    if (event.type === 'verification.approved') onProven(event.data.verification.reference ?? '');
    response.sendStatus(204); // for types that you do not know, too
  });

  app.use(express.json());

  app.post('/phone', async (request, response) => {
    const { user, to } = request.body; // take the user from your session
    const { id } = await ringback.submit({ to, reference: user, if_active: 'return' });
    response.json({ id });
  });

  app.post('/phone/:id/code', async (request, response) => {
    const { approved, verification } = await ringback.check(request.params.id, request.body.code);
    // what is proven is verification.to for verification.reference, whatever the browser says
    response.json({ approved, number: verification.to });
  });

  app.use(((error, _request, response, next) => {
    if (error instanceof CallbackSignatureError) return response.sendStatus(400);
    if (!isRingbackError(error)) return next(error);
    switch (error.code) {
      case 'invalid-request':
        return response.status(422).json({ say: 'That does not look right.' });
      case 'verification-closed':
      case 'no-live-code':
      case 'not-found':
        return response.status(410).json({ say: 'This code is no longer valid. Ask for a new one.' });
      case 'rate-limited':
        return response.status(429).json({ say: 'That was too often. Try again later.' });
      default:
        return response.status(503).json({ say: 'We cannot check numbers at this moment. Try again soon.' });
    }
  }) satisfies ErrorRequestHandler);

  return app;
}
