import type { VerificationView } from '../shared/verification-view.ts';
import { VERIFICATION_EXAMPLE } from './examples.ts';
import { type ProblemCode, problemBody } from './problems.ts';

/** What a client's developer wants to know about a problem. `backticks` mark what is meant literally. */
export interface ProblemText {
  /** What has happened, and what has not. */
  meaning: string;
  /** What to do about it, in code or by hand. */
  remedy: string;
  /** An answer as it may look; `members` are those beside the standard ones. */
  example: { detail: string; members?: Record<string, unknown> };
}

const EXPIRED: VerificationView = {
  ...VERIFICATION_EXAMPLE,
  status: 'expired',
  reason: 'expired',
  workflow: [{ channel: 'sms' }],
  next_attempt: null,
  closed_at: VERIFICATION_EXAMPLE.expires_at,
};

/** One text for each code: a code without one does not compile. */
export const PROBLEM_TEXTS: Record<ProblemCode, ProblemText> = {
  'malformed-json': {
    meaning: 'The body could not be read as JSON, or it ended before the length that its headers announced.',
    remedy:
      'Look for missing quotes, trailing commas and another encoding than UTF-8, and let a JSON library write the body. The same body will be refused again.',
    example: { detail: 'the body is not valid JSON; check quotes, commas and the encoding (UTF-8)' },
  },
  unauthorized: {
    meaning:
      'The request came without an API key, in another scheme than Bearer, or with a key that is not known here, has expired or was revoked.',
    remedy:
      'Send `Authorization: Bearer <api key>`, with a key that `ringback keys create` made or the secret of one entry of the setting `API_KEYS`. After a change of `API_KEYS` the API has to be restarted before it knows a new key.',
    example: { detail: 'send an API key: "Authorization: Bearer <api key>"' },
  },
  forbidden: {
    meaning:
      "The API key lacks the scope that this call takes; `scope` names it. The demo page and `/admin` answer so to what changes something and does not come from their own pages, so that no other site can use a visitor's browser for it, and `/admin` to a user whose role does not allow it. Another code for a number that a policy has come to refuse is refused so, too.",
    remedy:
      'Use a key with that scope: `ringback keys create` makes one, and the reference at `/docs` tells the scope of each call. A page is to be used itself, at the very address where it was opened.',
    example: { detail: 'this API key lacks the scope callbacks:manage', members: { scope: 'callbacks:manage' } },
  },
  'not-found': {
    meaning:
      'There is nothing at this address: the path or the method is wrong, the id is unknown or misspelled, what it named was dropped after the retention time, or it belongs to another key name. These are not told apart, so that nobody can find out which ids exist.',
    remedy:
      'Take the id as it came in the answer to the submission, and ask with a key of the same name. The reference at `/docs` lists all addresses.',
    example: { detail: 'there is no such verification' },
  },
  'idempotency-key-in-use': {
    meaning: 'A request with the same `Idempotency-Key` is still being handled. This one has changed nothing.',
    remedy:
      'Wait as long as `Retry-After` says and repeat the request with the same key and body: it gets the answer of the first one.',
    example: { detail: 'wait for the answer of the first request, then repeat this one' },
  },
  'verification-active': {
    meaning:
      'A key of the same name has an open verification for this number already; its id is in `verification_id`. Nothing new was stored and nothing is sent.',
    remedy:
      'Go on with the open one: check its code, or ask for another attempt. To have it returned instead of this problem, submit with `"if_active": "return"`; to cancel it and start anew, with `"if_active": "replace"`.',
    example: {
      detail: `${EXPIRED.id} is open for this number; check, cancel or replace it`,
      members: { verification_id: EXPIRED.id },
    },
  },
  'no-code-sent': {
    meaning:
      'SignalWire has not accepted any code for this verification yet, so there is nothing to compare with. The check was not counted.',
    remedy:
      'Wait until the verification is `pending`, or for the callback `verification.attempt.sent`, and check again. A person cannot have the code before that.',
    example: { detail: 'no code has been accepted by SignalWire yet; wait for status "pending"' },
  },
  'no-live-code': {
    meaning:
      'Every code that was sent is used up or expired at SignalWire, so no entry can be right. The check was not counted.',
    remedy: 'Send a new code with `POST /v1/verifications/{id}/attempts` and have that one entered.',
    example: { detail: 'every code that was sent is used up or expired; ask for another attempt' },
  },
  'attempt-in-progress': {
    meaning:
      'A code is on its way to SignalWire at this moment, and its result is not known yet. No other attempt was queued.',
    remedy:
      'Wait as long as `Retry-After` says and read the verification: often the code has been sent by then. If another one is still wanted, repeat the request.',
    example: { detail: 'a code is being sent at this moment; wait for its result' },
  },
  'no-step-left': {
    meaning: 'The last step of the workflow has started, and the request named no channel. Nothing was queued.',
    remedy:
      'Name the channel to send on once more: `{"channel": "sms"}` for another text, `{"channel": "call"}` for a call.',
    example: { detail: 'the last step has started; name a "channel" to send on it once more' },
  },
  'malformed-request': {
    meaning: 'What arrived is not a readable HTTP/1.1 request. The connection was closed.',
    remedy: 'Look for a client or proxy that speaks another protocol, or breaks the request line or a header.',
    example: { detail: 'this is not an HTTP request' },
  },
  'request-timeout': {
    meaning: 'The headers did not arrive within 10 s, or the whole request within 30 s. Nothing was done.',
    remedy:
      'Repeat it with the same `Idempotency-Key`. If it happens often, look at the network between client and service.',
    example: { detail: 'the request did not arrive in time' },
  },
  'headers-too-large': {
    meaning: 'The headers of the request have more than 16 KB together.',
    remedy: 'Send fewer or shorter headers; often it is a cookie or a key that is far too long.',
    example: { detail: 'the headers may have at most 16 KB' },
  },
  'endpoint-limit': {
    meaning: 'The key name has as many callback endpoints as it may have. Nothing was stored.',
    remedy: 'Delete an endpoint that is no longer needed, or let one endpoint take the events of several.',
    example: { detail: 'there are 20 endpoints already; delete one first' },
  },
  'send-limit': {
    meaning:
      'As many codes as one verification may have sent (the setting `MAX_SENDS`) have been sent for this one. Codes that are out can still be checked until it expires.',
    remedy:
      'Have a code that is out entered, or submit a new verification with `"if_active": "replace"`. If this happens often, ask whether the number is right.',
    example: { detail: 'no more codes are sent for this verification; submit a new one' },
  },
  'too-little-time': {
    meaning:
      'The verification expires in less than 30 seconds: a person could not enter another code in time, so none is sent.',
    remedy:
      'Submit a new verification with `"if_active": "replace"`, with a longer `expires_in` if this happens often.',
    example: { detail: 'it expires before another code could be entered; submit a new one' },
  },
  'verification-closed': {
    meaning:
      'The verification has ended and never changes again. `verification_status` and `reason` say how; `verification` is the whole of it.',
    remedy:
      'Act on how it ended: when it is `approved`, the number is verified and nothing is left to do. Otherwise submit a new one, unless the reason will meet that one too, as `country_not_allowed` does.',
    example: {
      detail: 'the verification is closed: expired (expired)',
      members: { verification_status: EXPIRED.status, reason: EXPIRED.reason, verification: EXPIRED },
    },
  },
  'body-too-large': {
    meaning: 'The body has more than 16 KB. It was not read.',
    remedy: 'Send less: keep your own data on your side, and only its key in `reference` or `metadata`.',
    example: { detail: 'the body may have at most 16 KB' },
  },
  'unsupported-media-type': {
    meaning:
      'The body came as something else than JSON, in another charset than UTF-8, or compressed in an unknown way.',
    remedy: 'Send `Content-Type: application/json` and the body as uncompressed JSON in UTF-8.',
    example: { detail: 'send the body as application/json' },
  },
  'invalid-request': {
    meaning:
      'The body is JSON, but not a request that can be served. `errors` names every wrong field with a JSON pointer (empty: the body as a whole, or a header), a code and what would be right. Nothing was stored, and a check was not counted.',
    remedy:
      'Correct what `errors` names; the same request will be refused again. When a person typed the value, show them the problem at its field: `pointer` tells which one.',
    example: {
      detail: '/expires_in: must be a whole number from 60 to 86400 seconds',
      members: {
        errors: [
          {
            pointer: '/expires_in',
            code: 'out-of-range',
            detail: 'must be a whole number from 60 to 86400 seconds',
          },
        ],
      },
    },
  },
  'idempotency-key-reused': {
    meaning:
      'The `Idempotency-Key` came with another body within the last 24 hours. This request was not done; what the first one has stored stands.',
    remedy:
      'Use a fresh random key, such as a UUID, for every new request, and the same one only to repeat the very same request.',
    example: { detail: 'this key came with another body; use a new key for a new request' },
  },
  'rate-limited': {
    meaning:
      'A limit on submissions, requested attempts or checks is reached; `limit` names it. Nothing was stored, nothing is sent, and the request itself does not count.',
    remedy:
      'Repeat the request when `Retry-After` is over, not before. If honest users meet this limit, ask the operator to raise it.',
    example: {
      detail: 'the limit "number" is reached; repeat the request when Retry-After is over',
      members: { limit: 'number' },
    },
  },
  'checks-in-flight': {
    meaning:
      'All checks that are left are being answered by SignalWire at this moment; one of them may be given back. This one was not counted.',
    remedy:
      'Wait as long as `Retry-After` says and repeat the check. Send one check at a time: a form that is submitted twice is the usual cause.',
    example: { detail: 'all checks are reserved and some are not answered yet; repeat later' },
  },
  cooldown: {
    meaning:
      'A code went out over the same channel too short a time ago (the setting `RESEND_COOLDOWN`). No other was queued.',
    remedy:
      'Wait as long as `Retry-After` says: show the person a countdown. The other channel needs no wait, as in "call me instead".',
    example: { detail: 'a code went out over this channel a moment ago; wait, or ask for the other channel' },
  },
  'internal-error': {
    meaning: 'Something happened that nobody expected. The request may or may not have taken effect.',
    remedy:
      "Read the verification to see what happened, or repeat the request with the same `Idempotency-Key`. Tell the operator the `request_id`: the API's log has the cause under it.",
    example: { detail: 'the request could not be handled; the log names it by its request_id' },
  },
  unavailable: {
    meaning:
      'The store (Redis) does not answer, or too much happened to this number at once. The request may have been stored all the same.',
    remedy:
      'Wait as long as `Retry-After` says and repeat the request; a submission or an attempt with the same `Idempotency-Key`, so that it is done once. If it stays, look at `/readyz`.',
    example: { detail: 'the store does not answer at this moment; repeat the request later' },
  },
  'provider-unavailable': {
    meaning:
      'SignalWire could not be asked: it was not reached, had too much to do, or refused our credentials. The check was not counted.',
    remedy:
      'Wait as long as `Retry-After` says and repeat the same check. If it stays, look at `/readyz`: it says what is wrong with SignalWire.',
    example: { detail: 'SignalWire could not be asked; the check was not counted: repeat it' },
  },
  'check-inconclusive': {
    meaning:
      'SignalWire was asked, but its answer was lost. The code may have been right; the check counts, because SignalWire may have counted it. So does a code of another length or alphabet than was sent, when replicas of Redis do not have its check in time (`REDIS_WAIT_REPLICAS`).',
    remedy:
      'Wait as long as `Retry-After` says and have the code checked again. A right code is taken only once, so if the check is refused now, send a new code with `POST /v1/verifications/{id}/attempts`.',
    example: { detail: 'the answer was lost, and the check counts; send a new code if this repeats' },
  },
};

/** A problem document with this code, as a client may get it. */
export function problemExample(code: ProblemCode) {
  const { detail, members } = PROBLEM_TEXTS[code].example;
  return problemBody(code, detail, 'req_9d1f4b7a2c3e5f60718293a4', members);
}
