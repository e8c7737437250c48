/**
 * Every problem that the API answers with (RFC 9457). The set is closed: clients branch on `code`, which is also the
 * last part of `type`, and never on `detail`.
 */
export const PROBLEMS = {
  'malformed-json': { status: 400, title: 'The body is not valid JSON' },
  'malformed-request': { status: 400, title: 'The request is not HTTP' },
  unauthorized: { status: 401, title: 'A valid API key is needed' },
  forbidden: { status: 403, title: 'Not allowed' },
  'not-found': { status: 404, title: 'Not found' },
  'idempotency-key-in-use': { status: 409, title: 'The first request with this idempotency key is still running' },
  'verification-active': { status: 409, title: 'The number has an open verification already' },
  'no-code-sent': { status: 409, title: 'No code has been sent yet' },
  'no-live-code': { status: 409, title: 'No code can be checked any more' },
  'endpoint-limit': { status: 409, title: 'There are as many callback endpoints as there may be' },
  'attempt-in-progress': { status: 409, title: 'An attempt is being sent at this moment' },
  'no-step-left': { status: 409, title: 'The workflow has no further step' },
  'send-limit': { status: 409, title: 'The limit of codes for this verification is reached' },
  'too-little-time': { status: 409, title: 'Too little time is left to enter another code' },
  'request-timeout': { status: 408, title: 'The request took too long to arrive' },
  'verification-closed': { status: 410, title: 'The verification is closed' },
  'body-too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'The content type is not supported' },
  'invalid-request': { status: 422, title: 'The request is not valid' },
  'headers-too-large': { status: 431, title: 'The headers are too large' },
  'idempotency-key-reused': { status: 422, title: 'The idempotency key was used with another request' },
  'rate-limited': { status: 429, title: 'Too many requests' },
  'checks-in-flight': { status: 429, title: 'All checks are in use at this moment' },
  cooldown: { status: 429, title: 'Too soon after the last code' },
  'internal-error': { status: 500, title: 'Something went wrong on our side' },
  unavailable: { status: 503, title: 'The service is not available at this moment' },
  'provider-unavailable': { status: 503, title: 'SignalWire could not be asked' },
  'check-inconclusive': { status: 503, title: 'The answer of SignalWire was lost' },
} as const;
export type ProblemCode = keyof typeof PROBLEMS;

/** One wrong field: an RFC 6901 pointer into the body, a stable code, and what to do about it. */
export interface FieldError {
  pointer: string;
  code: string;
  detail: string;
}

/** An expected refusal, as the client sees it. `detail` never holds a code or a full number. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  /** Members beside the standard ones, such as `errors` or the id of the other verification. */
  readonly members: Record<string, unknown>;
  readonly headers: Record<string, string>;

  constructor(
    code: ProblemCode,
    detail: string,
    {
      members = {},
      retryAfterMs,
      headers = {},
    }: { members?: Record<string, unknown>; retryAfterMs?: number; headers?: Record<string, string> } = {},
  ) {
    super(detail);
    this.code = code;
    this.members = members;
    this.headers =
      retryAfterMs === undefined ? headers : { ...headers, 'retry-after': String(retryAfterSeconds(retryAfterMs)) };
  }
}

/** A wait as clients are told it: whole seconds, at least one. */
export function retryAfterSeconds(retryAfterMs: number): number {
  return Math.max(1, Math.ceil(retryAfterMs / 1_000));
}

/** The refusal of one or more fields. */
export function invalidRequest(errors: readonly FieldError[]): ProblemError {
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return new ProblemError(
    'invalid-request',
    first ? `${first.pointer || 'the body'}: ${first.detail}${more}` : 'not valid',
    {
      members: { errors },
    },
  );
}

/** The body of a problem document. */
export function problemBody(
  code: ProblemCode,
  detail: string,
  requestId: string,
  members: Record<string, unknown> = {},
) {
  const { status, title } = PROBLEMS[code];
  return { type: `/problems/${code}`, title, status, detail, code, request_id: requestId, ...members };
}
