import type { Reply } from './behaviour.ts';

/** One entry of the error list of `/api/relay/rest`. */
export interface RelayError {
  detail: string | null;
  status: string;
  title: string;
  code: string;
}

/** The plain error bodies of SignalWire, by status. */
export const PLAIN_ERRORS = {
  400: { error: 'Bad Request' },
  401: { error: 'Unauthorized' },
  404: { error: 'Not Found' },
  500: { error: 'Internal Server Error' },
} as const;

/** A 422 in the shape of `/api/relay/rest`; real ones have been seen with a `detail` of null. */
export function invalidAttributes(details: readonly (string | null)[]): { errors: RelayError[] } {
  return {
    errors: details.map((detail) => ({ detail, status: '422', title: 'Invalid Attribute', code: '422' })),
  };
}

/**
 * A 422 in the shape that the rest of SignalWire's API has, with one of its named codes.
 *
 * @see https://signalwire.com/docs/apis/error-codes
 */
export function refusal(code: string, message: string, attribute: string | null = null): Reply {
  const url = `https://developer.signalwire.com/rest/overview/error-codes/#${code}`;
  return { status: 422, body: { errors: [{ type: 'validation_error', code, message, attribute, url }] } };
}

/** A 429; SignalWire's have been seen with `Retry-After` in seconds. */
export function rateLimited(retryAfterSeconds: number): Reply {
  const detail = 'Rate limit exceeded';
  return {
    status: 429,
    headers: { 'retry-after': String(retryAfterSeconds) },
    body: { errors: [{ detail, status: '429', title: 'Too Many Requests', code: 'rate_limit_exceeded' }] },
  };
}

/** A 503 as a load balancer gives it in SignalWire's place: no JSON. */
export const UNAVAILABLE: Reply = {
  status: 503,
  headers: { 'content-type': 'text/html; charset=utf-8' },
  raw: '<html><head><title>503 Service Temporarily Unavailable</title></head></html>\n',
};

/** A 500. */
export const SERVER_ERROR: Reply = { status: 500, body: PLAIN_ERRORS[500] };

/** A 401, whatever the credentials. */
export const UNAUTHORIZED: Reply = { status: 401, body: PLAIN_ERRORS[401] };
