import type { RequestHandler } from 'express';

/** Gives every answer these headers, in place of those that it had before. */
export function setHeaders(headers: Record<string, string>): RequestHandler {
  return (_request, response, next) => {
    response.set(headers);
    next();
  };
}
