import express, { Router } from 'express';
import type { IsAuthorized } from './authorization.ts';
import { PLAIN_ERRORS } from './errors.ts';
import { type TroubleSwitches, Troubles } from './troubles.ts';

/**
 * What the demo steers the stand-in with. It asks for the project's credentials, which no page of another site knows, so
 * that none can break anything through a visitor's browser.
 */
export function createControl({ isAuthorized, troubles }: { isAuthorized: IsAuthorized; troubles: TroubleSwitches }) {
  const router = Router();
  router.use((request, response, next) => {
    if (isAuthorized(request)) next();
    else response.status(401).json(PLAIN_ERRORS[401]);
  });
  router.get('/troubles', (_request, response) => {
    response.json(troubles.get());
  });
  router.patch('/troubles', express.json({ limit: '1kb' }), (request, response) => {
    const change = Troubles.partial().safeParse(request.body);
    if (!change.success) {
      response.status(400).json(PLAIN_ERRORS[400]);
      return;
    }
    troubles.set(change.data as Partial<Troubles>);
    response.json(troubles.get());
  });
  return router;
}
