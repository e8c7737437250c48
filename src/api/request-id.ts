import type { RequestHandler } from 'express';
import type { RandomHex } from '../shared/ids.ts';

/** With a letter in it: it goes into the log, where no phone number may. */
const ACCEPTABLE = /^(?=.*[A-Za-z])[\w.-]{1,128}$/;

/** Gives every request an id, the client's own when it sent a usable one, and names it in the answer. */
export function createRequestId(random: RandomHex): RequestHandler {
  return (request, response, next) => {
    const given = request.get('x-request-id');
    const id = given !== undefined && ACCEPTABLE.test(given) ? given : `req_${random(12)}`;
    response.locals['requestId'] = id;
    response.set('x-request-id', id);
    next();
  };
}
