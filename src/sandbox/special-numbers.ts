import type { Operation, Outcome } from './behaviour.ts';
import { invalidAttributes, rateLimited, refusal, SERVER_ERROR, UNAUTHORIZED, UNAVAILABLE } from './errors.ts';

/** What a special number does: always the same outcome, or a list of outcomes for the first requests, then all is fine. */
export type SetBehaviour = Partial<Record<Operation, Outcome | readonly Outcome[]>>;

/** A number with a set behaviour. */
export interface SpecialNumber {
  /** Its last four digits, after `555`. */
  ending: string;
  /** The number under the area code of the examples; any other area code behaves alike. */
  number: string;
  /** What happens, for a reader. */
  summary: string;
  behaviour: SetBehaviour;
}

const SLOW_ANSWER_MS = 3_000;

const notRoutable = (what: string) => refusal('not_routable', `The ${what} is not routable`, 'to');
const withoutReason: Outcome = { status: 422, body: invalidAttributes([null]) };
const noMoney = refusal('insufficient_balance', 'The balance is too low');
const onceLimited = [rateLimited(2)];
const twiceUnavailable = [UNAVAILABLE, UNAVAILABLE];
const twiceBroken = [SERVER_ERROR, SERVER_ERROR];

/** By last four digits. 555-0100 to 555-0199 are reserved for fiction in every North American area code. */
const TABLE: Record<string, [summary: string, behaviour: SetBehaviour]> = {
  '0101': ['The text is refused: 422 not_routable.', { sms: notRoutable('message') }],
  '0102': ['Everything is refused: 422 not_routable.', { sms: notRoutable('message'), call: notRoutable('call') }],
  '0103': ['The text arrives, but the answer never comes.', { sms: 'accept-then-hang' }],
  '0104': ['The text arrives, but the connection is cut before the answer.', { sms: 'accept-then-cut' }],
  '0105': ['429 with Retry-After: 2 once, then all is fine.', { sms: onceLimited, call: onceLimited }],
  '0106': ['429 with Retry-After: 2 on every text.', { sms: rateLimited(2) }],
  '0107': ['503 twice, then all is fine.', { sms: twiceUnavailable, call: twiceUnavailable }],
  '0108': ['503 on every text.', { sms: UNAVAILABLE }],
  '0109': ['500 on the first two texts (nothing is sent), then all is fine.', { sms: twiceBroken }],
  '0110': ['500 on every text; nothing is sent.', { sms: SERVER_ERROR }],
  '0111': ['The text is never answered and never sent.', { sms: 'hang' }],
  '0112': ['The text is answered with success: false; nothing is sent.', { sms: 'success-false' }],
  '0113': ['The text arrives, but the answer has no id.', { sms: 'accept-without-id' }],
  '0114': [
    'Everything is down: 503 on texts, calls and checks.',
    { sms: UNAVAILABLE, call: UNAVAILABLE, verify: UNAVAILABLE },
  ],
  '0115': [
    '401 on everything, as with wrong credentials.',
    { sms: UNAUTHORIZED, call: UNAUTHORIZED, verify: UNAUTHORIZED },
  ],
  '0116': ['The text is accepted, but never arrives.', { sms: 'accept-unseen' }],
  '0117': ['Every answer takes 3 seconds.', slowly()],
  '0118': ['The connection is cut and the text is not sent.', { sms: 'cut' }],
  '0119': ['The text is refused without a reason: 422 with a detail of null.', { sms: withoutReason }],
  '0120': ['Everything is refused for lack of money: 422 insufficient_balance.', { sms: noMoney, call: noMoney }],
  '0121': ['The text arrives, but the answer is a 500.', { sms: { ...SERVER_ERROR, accept: true } }],
  '0122': ['Codes arrive, but every check is answered with 503.', { verify: UNAVAILABLE }],
};

/** The numbers with a set behaviour; any other number just works. `docs/sandbox.md` has the same table. */
export const SPECIAL_NUMBERS: readonly SpecialNumber[] = Object.entries(TABLE).map(
  ([ending, [summary, behaviour]]) => ({
    ending,
    number: `+1404555${ending}`,
    summary,
    behaviour,
  }),
);

const BY_ENDING = new Map(SPECIAL_NUMBERS.map((special) => [special.ending, special]));

/** Plays the special numbers; a list of outcomes is counted per number and operation. */
export function createSpecialNumbers() {
  const requestsSoFar = new Map<string, number>();

  return {
    decide(operation: Operation, to: string | undefined): Outcome | undefined {
      const ending = /^\+1\d{3}555(\d{4})$/.exec(to ?? '')?.[1];
      const set = BY_ENDING.get(ending ?? '')?.behaviour[operation];
      if (set === undefined || !isList(set)) return set;
      const key = `${operation} ${to}`;
      const count = requestsSoFar.get(key) ?? 0;
      requestsSoFar.set(key, count + 1);
      return set[count];
    },

    clear() {
      requestsSoFar.clear();
    },
  };
}

function slowly(): SetBehaviour {
  const outcome = { delayMs: SLOW_ANSWER_MS };
  return { sms: outcome, call: outcome, verify: outcome };
}

function isList(set: Outcome | readonly Outcome[]): set is readonly Outcome[] {
  return Array.isArray(set);
}
