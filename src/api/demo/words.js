/**
 * What the page says, in plain words. Nothing here touches the page.
 *
 * @import { VerificationView } from '../../shared/verification-view.ts'
 * @import { CloseReason } from '../../shared/verification.ts'
 * @import { ProblemCode } from '../problems.ts'
 * @typedef {{ code: string, title: string, errors?: { pointer: string, detail: string }[] }} Problem
 */

/**
 * How a closed verification ended.
 *
 * @type {Record<import('zod').infer<typeof CloseReason>, [title: string, text: string]>}
 */
const ENDINGS = {
  delivery_failed: ['The code could not be sent', 'Neither a text nor a call got through to this number.'],
  too_many_checks: ['Too many wrong codes', 'For safety, this verification is closed. You can start a new one.'],
  provider_misconfigured: [
    'The code could not be sent',
    'This service is not set up correctly. Please tell its operator.',
  ],
  expired: ['The code has expired', 'It was not entered in time. You can start a new verification.'],
  canceled: ['Verification canceled', 'You can start a new one at any time.'],
  replaced: ['Continued elsewhere', 'A newer verification for this number has taken over.'],
  country_not_allowed: ['This number cannot be used', 'No codes are sent to this country.'],
  number_type_not_allowed: ['This number cannot be used', 'No codes are sent to this kind of number.'],
  number_blocked: ['This number cannot be used', 'No codes are sent to it.'],
  suspected_fraud: ['This number cannot be used', 'No codes are sent to it at the moment.'],
};

/**
 * What each problem means to the person; the others are told by their title.
 *
 * @satisfies {Partial<Record<ProblemCode, string>>}
 */
const PROBLEMS = {
  'malformed-json': 'Something went wrong. Reload the page and try again.',
  forbidden: 'This page may not do that. Reload it and try again.',
  'not-found': 'This verification is no longer known. Please start again.',
  'no-code-sent': 'No code has been sent yet. Wait for it to arrive.',
  'no-live-code': 'The codes you were sent can no longer be used. Ask for a new one.',
  'attempt-in-progress': 'A code is being sent right now.',
  'no-step-left': 'There is no other way to send the code.',
  'send-limit': 'No more codes can be sent this time.',
  'too-little-time': 'Too little time is left for another code. Please start again.',
  'verification-closed': 'This verification is closed.',
  'rate-limited': 'Too many requests.',
  'checks-in-flight': 'Earlier codes are still being checked.',
  cooldown: 'A code went out a moment ago.',
  'internal-error': 'Something went wrong on our side. Please try again.',
  unavailable: 'The service is not available right now.',
  'provider-unavailable': 'The code could not be checked right now. It did not count.',
  'check-inconclusive': 'The answer got lost, and this check counted. Try again, or ask for a new code.',
};

/**
 * What is happening to an open verification, in a sentence or two that stay the same until something changes.
 *
 * @param {VerificationView} v
 * @param {(time: string) => string} clockTime
 */
export function progress(v, clockTime) {
  const attempt = v.attempts.at(-1);
  if (!attempt) return 'Your code is queued.';
  const isCall = attempt.channel === 'call';
  switch (attempt.status) {
    case 'queued':
      if (attempt.tries > 0)
        return isCall ? 'The call did not go out yet. Trying again…' : 'The text did not go out yet. Trying again…';
      return `${because(v)}${isCall ? 'Your call is queued.' : 'Your text is queued.'}`;
    case 'sending':
      return `${because(v)}${isCall ? 'A call is on its way…' : 'Your text is being sent…'}`;
    case 'sent': {
      const said = isCall ? 'We are calling you. Pick up and listen for the code.' : 'Text sent.';
      return v.next_attempt
        ? `${said} If no code is entered, ${follows(v.next_attempt, clockTime)}.`
        : `${because(v)}${said}`;
    }
    default: {
      const failed = isCall ? 'The call did not go out.' : 'The text did not go out.';
      return v.attempts.some((a) => a.sent_at !== null) ? `${failed} The code from before still works.` : failed;
    }
  }
}

/** @param {NonNullable<VerificationView['next_attempt']>} next @param {(time: string) => string} clockTime */
function follows(next, clockTime) {
  return `a ${next.channel === 'call' ? 'call' : 'text'} follows at ${clockTime(next.at)}`;
}

/** Why the newest attempt was made, when the person did not ask for it. @param {VerificationView} v */
function because(v) {
  const before = v.attempts.at(-2);
  if (!before) return '';
  const what = before.channel === 'call' ? 'call' : 'text';
  switch (v.attempts.at(-1)?.trigger) {
    case 'failure':
      return `The ${what} could not be sent. `;
    case 'timeout':
      return 'No code was entered yet; the one you have still works. ';
    case 'unknown':
      return `The ${what} may not have gone out. `;
    default:
      return '';
  }
}

/** How a closed verification ended. @param {VerificationView} v */
export function ending(v) {
  if (v.status === 'approved') return { title: 'Verified!', text: `${v.to} is confirmed.` };
  const [title, text] = (v.reason && ENDINGS[v.reason]) ?? ['Not verified', 'This verification is closed.'];
  return { title, text };
}

/** @param {VerificationView['checks']} checks */
export function checksLeft({ used, max }) {
  const left = Math.max(0, max - used);
  return left === 1 ? '1 check left' : `${left} checks left`;
}

/**
 * A refusal, in words for the person.
 *
 * @param {Problem} problem
 * @param {number | undefined} retryAfterSeconds
 */
export function refusal({ code, title, errors = [] }, retryAfterSeconds) {
  if (code === 'invalid-request') {
    if (errors.some(({ pointer }) => pointer === '/code')) return 'A code has digits only, such as 123456.';
    return errors[0]?.detail ?? title;
  }
  const words = /** @type {Record<string, string>} */ (PROBLEMS)[code] ?? `${title}.`;
  return retryAfterSeconds === undefined ? words : `${words} Try again in ${retryAfterSeconds} s.`;
}
