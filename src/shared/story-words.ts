import { formatSpan } from './duration.ts';
import type { StoryFact } from './story.ts';
import type { Attempt, CloseReason, Verification } from './verification.ts';

const CHANNEL_WORDS = { sms: 'text', call: 'call' } as const;
const TRIGGER_WORDS: Record<string, string> = {
  initial: 'the first step',
  timeout: 'the code of the step before was not entered in time',
  failure: 'the step before could not be sent',
  unknown: 'whether the one before went out is unknown',
  request: 'the client asked for it',
};
const REASON_WORDS: Record<CloseReason, string> = {
  delivery_failed: 'no code could be sent',
  too_many_checks: 'all checks are used',
  provider_misconfigured: 'SignalWire refuses our account; the operator has to act',
  expired: 'no right code came in time',
  canceled: 'the client canceled it',
  replaced: 'the client submitted a new one for the number',
  country_not_allowed: 'codes are not sent to its country',
  number_type_not_allowed: 'codes are not sent to numbers of its type',
  number_blocked: 'the number is blocked',
  suspected_fraud: 'it looks like fraud',
};

/** A fact in one sentence, for people: the same words in the timeline and in the log of the verification's job. */
export function sentence(fact: StoryFact, v: Verification): string {
  const attempt = fact.attempt === undefined ? undefined : v.attempts[fact.attempt];
  if (attempt) return attemptSentence(fact, attempt);
  const check = `check ${fact.used} of ${v.checks.max}`;
  switch (fact.type) {
    case 'verification.created':
      return `submitted by ${v.owner}: ${steps(v)}; it expires in ${formatSpan(v.expiresAt - v.createdAt)}`;
    case 'check.approved':
      return `the code was right (${check})`;
    case 'check.wrong':
      return `a code was wrong (${check})`;
    case 'check.inconclusive':
      return `a code was checked, and the answer was lost (${check})`;
    case 'check.unavailable':
      return 'a code could not be checked, because SignalWire was not there; it does not count';
    case 'check.no_live_code':
      return 'a code was entered when none could be checked any more; it does not count';
    case 'number.dropped':
      return 'the full number was dropped from the record';
    default:
  }
  if (fact.type.startsWith('callback.')) return callbackSentence(fact);
  const status = fact.type.slice('verification.'.length);
  return fact.reason
    ? `${status}: ${REASON_WORDS[fact.reason]}`
    : `${status} ${formatSpan(fact.at - v.createdAt)} after it was submitted`;
}

function attemptSentence(fact: StoryFact, attempt: Attempt): string {
  const what = CHANNEL_WORDS[attempt.channel];
  const tries = fact.tries === 1 ? '1 try' : `${fact.tries} tries`;
  const why = fact.detail === undefined ? '' : `: ${fact.detail}`;
  const behind =
    fact.ratePerSecond === undefined ? 'for its turn' : `behind the rate limit of ${fact.ratePerSecond} per second`;
  const waited = fact.waitedMs === undefined ? '' : `waited ${formatSpan(fact.waitedMs)} ${behind}; `;
  switch (fact.type) {
    case 'attempt.started':
      return `${what} starts (step ${attempt.step + 1}): ${TRIGGER_WORDS[fact.trigger ?? '']}`;
    case 'attempt.retry':
      return `${what} ${waited}try ${fact.tries} was not sent${why}; the next one follows in ${formatSpan(fact.retryInMs ?? 0)}`;
    case 'attempt.sent': {
      if (fact.tookMs === undefined) return `${what} was accepted by SignalWire after all`;
      const at = fact.tries === 1 ? '' : ` at try ${fact.tries}`;
      return `${what} ${waited}accepted by SignalWire in ${formatSpan(fact.tookMs)}${at}`;
    }
    case 'attempt.failed':
      return `${what} failed after ${tries}${why}`;
    case 'attempt.unknown':
      return `${what} may or may not have been sent${why}`;
    default:
      return `${what} skipped${why}`;
  }
}

/** What became of a delivery. */
export function callbackSentence(fact: StoryFact): string {
  const what = `callback ${fact.event}`;
  const took = fact.tookMs === undefined ? '' : ` in ${formatSpan(fact.tookMs)}`;
  const nth = fact.delivery === undefined || fact.delivery === 1 ? '' : `, delivery ${fact.delivery}`;
  const why = fact.detail === undefined ? '' : `: ${fact.detail}`;
  switch (fact.type) {
    case 'callback.delivered':
      return `${what} delivered to ${fact.host}${took}${nth}`;
    case 'callback.failed':
      return `${what} not delivered to ${fact.host}${nth}${why}; again in ${formatSpan(fact.retryInMs ?? 0)}`;
    case 'callback.exhausted':
      return `${what} given up for ${fact.host}${nth}${why}; it can be replayed`;
    case 'callback.gone':
      return `${what} refused for good by ${fact.host}${why}`;
    default:
      return `${what} not sent to ${fact.host}${why}`;
  }
}

function steps(v: Verification): string {
  const words = v.workflow.map((step, i) => {
    const last = i === v.workflow.length - 1;
    return last || step.timeout === undefined
      ? CHANNEL_WORDS[step.channel]
      : `${CHANNEL_WORDS[step.channel]} for ${formatSpan(step.timeout * 1000)}`;
  });
  return words.join(', then ');
}
