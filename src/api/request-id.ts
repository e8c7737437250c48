import type { RequestHandler } from 'express';
import type { RandomHex } from '../shared/ids.ts';
import { setOffBy } from '../shared/origin.ts';
import { formatTraceparent, parseTraceparent } from '../shared/trace-context.ts';

const ACCEPTABLE = /^[\w.-]{1,128}$/;
/** It goes into the log, where no phone number may: seven digits in a row could be one (E.164), except in these forms. */
const LIKE_A_NUMBER = /\d{7}/;
const RANDOM_HEX = /^(?:[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/i;

/**
 * Gives every request an id, the client's own when it sent a usable one, and names it in the answer. What follows from the
 * request is known by this id, and by the client's trace.
 */
export function createRequestId(random: RandomHex): RequestHandler {
  return (request, response, next) => {
    const given = request.get('x-request-id');
    const id = given !== undefined && isUsable(given) ? given : `req_${random(12)}`;
    response.locals['requestId'] = id;
    response.set('x-request-id', id);
    const trace = parseTraceparent(request.get('traceparent'));
    setOffBy({ request_id: id, ...(trace && { traceparent: formatTraceparent(trace) }) }, next);
  };
}

function isUsable(id: string): boolean {
  return ACCEPTABLE.test(id) && (RANDOM_HEX.test(id) || !LIKE_A_NUMBER.test(id));
}
