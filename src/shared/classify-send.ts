import { z } from 'zod';
import type { EpochMs } from './clock.ts';
import type { Exchange } from './post-once.ts';
import { parseRetryAfter } from './retry-after.ts';
import { parseJson, readProviderError, scrub, toDetail } from './signalwire-errors.ts';

/** What one try's outcome means. Details never hold a full number or a credential. */
export type SendOutcome =
  | { kind: 'sent'; mfaId: string; httpStatus: number }
  /** SignalWire certainly did not act on it: it was never reached, or said so with a 503. */
  | { kind: 'not_sent'; detail: string; httpStatus: number | null; retryAfterMs: number | undefined }
  | { kind: 'rate_limited'; detail: string; httpStatus: 429; retryAfterMs: number | undefined }
  /** A code may be out whose id is lost. */
  | { kind: 'unknown'; detail: string; httpStatus: number | null }
  /** `providerCode` is the code by its documented name; with `account` it speaks of the account, not of the number. */
  | { kind: 'refused'; detail: string; httpStatus: number; providerCode: string | undefined; account: boolean }
  /** The operator's fault, not the number's. `httpStatus` is null when nothing was asked. */
  | { kind: 'misconfigured'; detail: string; httpStatus: number | null };

/** `success` as documented, or as the string that some clients report. */
export const Flag = z.union([z.boolean(), z.stringbool({ truthy: ['true'], falsy: ['false'], case: 'sensitive' })]);

const Success = z.object({ success: Flag });
/** An id is a UUID by the documents; it goes into a URL, so anything but visible ASCII is not readable as one. */
const Accepted = z.object({ id: z.string().regex(/^[\x21-\x7e]{1,200}$/) });

const MISCONFIGURED: ReadonlyMap<number, string> = new Map([
  [401, 'are project key and token right?'],
  [402, 'is the account in credit?'],
  [403, 'has the token the scope it needs?'],
  [404, 'is the name of the space right?'],
  [405, "is the address SignalWire's?"],
  [415, "is the address SignalWire's?"],
]);

interface Context {
  /** What a `Retry-After` date is measured against. */
  now: EpochMs;
  /** Credentials that an answer might echo. */
  secrets: readonly string[];
}

/**
 * Decides what one try to send a code came to. The HTTP status decides first: bodies of errors come in many shapes,
 * and may give no reason at all.
 *
 * @see https://signalwire.com/docs/apis/error-codes
 */
export function classifySend(exchange: Exchange, { now, secrets }: Context): SendOutcome {
  if (exchange.kind === 'not_written') {
    const detail = `SignalWire was not reached, so nothing was sent: ${exchange.cause}`;
    return { kind: 'not_sent', detail, httpStatus: null, retryAfterMs: undefined };
  }
  if (exchange.kind === 'unanswered') {
    const detail = `SignalWire's answer was lost, so a code may have been sent: ${exchange.cause}`;
    return { kind: 'unknown', detail, httpStatus: null };
  }
  const { httpStatus, body = '' } = exchange;
  if (httpStatus >= 200 && httpStatus < 300) return classifyAccepted(httpStatus, body, secrets);

  const error = readProviderError(body);
  const reason = scrub(error.words, secrets);
  const say = (hint?: string) =>
    toDetail(
      [`SignalWire answered ${httpStatus}`, hint && ` (${hint})`, reason && `: ${reason}`].filter(Boolean).join(''),
    );
  const retryAfterMs = parseRetryAfter(exchange.retryAfter, now);
  if (httpStatus === 503) return { kind: 'not_sent', detail: say(), httpStatus, retryAfterMs };
  if (httpStatus === 429) return { kind: 'rate_limited', detail: say(), httpStatus, retryAfterMs };
  if (httpStatus === 408 || httpStatus >= 500)
    return { kind: 'unknown', detail: say('a code may have been sent'), httpStatus };
  if (httpStatus < 400)
    return { kind: 'misconfigured', detail: say('a redirect: is the name of the space right?'), httpStatus };
  const hint = MISCONFIGURED.get(httpStatus);
  if (hint !== undefined) return { kind: 'misconfigured', detail: say(hint), httpStatus };
  return {
    kind: 'refused',
    detail: say(),
    httpStatus,
    providerCode: error.code,
    account: httpStatus === 422 && error.account,
  };
}

function classifyAccepted(httpStatus: number, body: string, secrets: readonly string[]): SendOutcome {
  const json = parseJson(body);
  const success = Success.safeParse(json);
  if (success.success && !success.data.success) {
    const error = readProviderError(body);
    const reason = scrub(error.words, secrets);
    const detail = toDetail(`SignalWire answered ${httpStatus} without success${reason && `: ${reason}`}`);
    return { kind: 'refused', detail, httpStatus, providerCode: error.code, account: false };
  }
  const accepted = Accepted.safeParse(json);
  if (accepted.success) return { kind: 'sent', mfaId: accepted.data.id, httpStatus };
  const detail = `SignalWire answered ${httpStatus} without a readable id, so the code that may be out can't be checked`;
  return { kind: 'unknown', detail, httpStatus };
}
