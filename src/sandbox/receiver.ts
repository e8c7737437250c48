import type { RequestHandler } from 'express';
import type { TroubleSwitches } from './troubles.ts';

/** The demo's receiver of callbacks: it takes whatever comes, unless it is down. It looks at nothing and keeps nothing. */
export function createReceiver(troubles: TroubleSwitches): RequestHandler {
  return (request, response) => {
    request.resume();
    request.once('end', () => response.status(troubles.get().receiver_down ? 503 : 204).end());
  };
}
