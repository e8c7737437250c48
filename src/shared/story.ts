import type { VerificationFact } from './decide.ts';

const CHANNEL_WORDS = { sms: 'text', call: 'call' } as const;
const TRIGGER_WORDS = {
  initial: 'it is the first step',
  timeout: 'the code of the step before was not entered in time',
  failure: 'the step before could not be sent',
  unknown: 'the outcome of the attempt before is unknown',
  request: 'the client asked for it',
} as const;

/** A fact in one sentence, for people: the same words in the job's log and wherever a verification's story is told. */
export function sentence(fact: VerificationFact): string {
  const { attempt, verification } = fact;
  if (attempt) {
    const what = `${CHANNEL_WORDS[attempt.channel]} (step ${attempt.step + 1})`;
    const tries = attempt.tries === 1 ? '1 try' : `${attempt.tries} tries`;
    const why = attempt.error ? `: ${attempt.error.detail}` : '';
    switch (fact.type) {
      case 'verification.attempt.sent':
        return `${what} accepted by SignalWire after ${tries}`;
      case 'verification.attempt.failed':
        return `${what} failed after ${tries}${why}`;
      case 'verification.attempt.unknown':
        return `${what}: the outcome is unknown${why}`;
      default:
        return `${what} starts, because ${TRIGGER_WORDS[attempt.trigger]}`;
    }
  }
  const reason = verification.reason && verification.reason !== verification.status ? ` (${verification.reason})` : '';
  return `verification ${verification.status}${reason}`;
}
