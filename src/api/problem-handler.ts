import type { ErrorRequestHandler, RequestHandler, Response } from 'express';
import type { Logger } from 'pino';
import { isRedisTrouble } from '../shared/redis-trouble.ts';
import { PROBLEMS, ProblemError, problemBody } from './problems.ts';

/** Answers with a problem document. */
export function sendProblem(response: Response, problem: ProblemError): void {
  const body = problemBody(problem.code, problem.message, String(response.locals['requestId']), problem.members);
  if (problem.code === 'unauthorized') response.set('www-authenticate', 'Bearer');
  response
    .status(PROBLEMS[problem.code].status)
    .set({ 'cache-control': 'no-store', ...problem.headers })
    .type('application/problem+json')
    .send(JSON.stringify(body));
}

export const notFound: RequestHandler = () => {
  throw new ProblemError('not-found', 'there is nothing at this address');
};

/** Turns what a handler threw into a problem document; what nobody expected is logged and says nothing to the client. */
export function createProblemHandler(log: Logger): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error);
    const problem = asProblem(error);
    if (problem.code === 'internal-error') {
      log.error({ err: error }, 'unexpected error');
    } else if (problem.code === 'unavailable') {
      const reason = error instanceof Error ? error.message : String(error);
      log.warn({ reason }, 'answered 503');
    }
    sendProblem(response, problem);
  };
}

function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error;
  const { type, status } = (error ?? {}) as { type?: string; status?: number };
  switch (type) {
    case 'entity.parse.failed':
      return new ProblemError(
        'malformed-json',
        'the body is not valid JSON; check quotes, commas and the encoding (UTF-8)',
      );
    case 'entity.too.large':
      return new ProblemError('body-too-large', 'the body may have at most 16 KB');
    case 'encoding.unsupported':
    case 'charset.unsupported':
      return new ProblemError('unsupported-media-type', 'send the body as uncompressed application/json in UTF-8');
    case 'request.aborted':
    case 'request.size.invalid':
      return new ProblemError('malformed-json', 'the body ended before its announced length');
    default:
  }
  if (isRedisTrouble(error)) {
    return new ProblemError('unavailable', 'the store does not answer at this moment; repeat the request later', {
      retryAfterMs: 2_000,
    });
  }
  if (error instanceof URIError) return new ProblemError('not-found', 'the address cannot be read'); // a broken %-escape in it
  if (status === 400 || status === 403) return new ProblemError('not-found', 'there is nothing at this address'); // no name of a file
  return new ProblemError('internal-error', 'the request could not be handled; the log names it by its request_id');
}
