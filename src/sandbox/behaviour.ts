/** What a request to the stand-in asks for: a text, a call, or the check of a code. */
export type Operation = 'sms' | 'call' | 'verify';

/** How a code travels; SignalWire's own two words. */
export type Channel = Exclude<Operation, 'verify'>;

/**
 * An answer made by hand. With a `status`, `body` or `raw` of its own nothing is done behind it (no code is made, no check
 * is counted) unless `accept` is true; without them the real answer is given.
 */
export interface Reply {
  status?: number;
  headers?: Record<string, string>;
  /** Sent as JSON. */
  body?: unknown;
  /** Sent as it is; give the content type in `headers`. */
  raw?: string;
  accept?: boolean;
  /** How long the answer takes, in milliseconds; what is accepted is accepted at once. */
  delayMs?: number;
  /** The answer waits for this. */
  after?: Promise<unknown>;
}

/**
 * What becomes of one request. "Accept" means that a code is made and arrives, or that a check is counted.
 *
 * - `accept`: as documented.
 * - `accept-unseen`: accepted, but the code never arrives.
 * - `accept-without-id`: accepted, but the answer lacks the id.
 * - `accept-then-hang`, `accept-then-cut`, `accept-then-truncate`: accepted, but the answer never comes, the connection is
 *   cut, or it is cut in the middle of the answer.
 * - `hang`, `cut`: the same with nothing accepted.
 * - `success-false`: 2xx with `success` false and nothing accepted.
 */
export type Outcome =
  | 'accept'
  | 'accept-unseen'
  | 'accept-without-id'
  | 'accept-then-hang'
  | 'accept-then-cut'
  | 'accept-then-truncate'
  | 'hang'
  | 'cut'
  | 'success-false'
  | Reply;

/** Which requests a script is for; without `operation`, the texts and calls, not the checks. */
export interface BehaviourFilter {
  operation?: Operation;
  /** For a check: the channel its code went over. */
  channel?: Channel;
  /** E.164; for a check: the number its code went to. */
  to?: string;
}

/** What a script can tell requests apart by. */
export interface Subject {
  operation: Operation;
  channel: Channel | undefined;
  to: string | undefined;
}

/**
 * One outcome for all requests, a queue of outcomes for the next ones, or a function that decides. A queue that is used
 * up, and a function that returns undefined, leave the request to the script before, the special numbers, and `accept`.
 */
export type Script<R> = Outcome | readonly Outcome[] | ((request: R) => Outcome | Promise<Outcome> | undefined);

interface Rule<R> {
  filter: BehaviourFilter;
  next: (request: R) => Outcome | Promise<Outcome> | undefined;
}

/** The scripts in force; the newest that fits a request decides. */
export function createBehaviours<R>() {
  let rules: Rule<R>[] = [];

  return {
    /** Adds a script; the function returned takes it out again. */
    add(filter: BehaviourFilter, script: Script<R>): () => void {
      const rule = { filter, next: createNext(script) };
      rules = [rule, ...rules];
      return () => {
        rules = rules.filter((other) => other !== rule);
      };
    },

    decide(subject: Subject, request: R): Outcome | Promise<Outcome> | undefined {
      for (const rule of rules) {
        const outcome = fits(rule.filter, subject) ? rule.next(request) : undefined;
        if (outcome !== undefined) return outcome;
      }
      return undefined;
    },

    clear() {
      rules = [];
    },
  };
}

function createNext<R>(script: Script<R>): Rule<R>['next'] {
  if (typeof script === 'function') return script;
  if (!isQueue(script)) return () => script;
  const queue = [...script];
  return () => queue.shift();
}

function isQueue(script: Outcome | readonly Outcome[]): script is readonly Outcome[] {
  return Array.isArray(script);
}

function fits({ operation, channel, to }: BehaviourFilter, subject: Subject): boolean {
  if (operation === undefined ? subject.operation === 'verify' : operation !== subject.operation) return false;
  if (channel !== undefined && channel !== subject.channel) return false;
  return to === undefined || to === subject.to;
}

/** An outcome taken apart: whether the request is carried out, and what the client gets to see of it. */
export interface Plan {
  accept: boolean;
  /** Whether an accepted code reaches the phone. */
  arrives: boolean;
  ending: 'answer' | 'hang' | 'cut' | 'truncate';
  /** What the answer's body lacks or denies. */
  flaw: 'without-id' | 'success-false' | undefined;
  reply: Reply;
}

/** Takes an outcome apart. */
export function planFor(outcome: Outcome): Plan {
  const plan: Plan = { accept: true, arrives: true, ending: 'answer', flaw: undefined, reply: {} };
  switch (outcome) {
    case 'accept':
      return plan;
    case 'accept-unseen':
      return { ...plan, arrives: false };
    case 'accept-without-id':
      return { ...plan, flaw: 'without-id' };
    case 'accept-then-hang':
      return { ...plan, ending: 'hang' };
    case 'accept-then-cut':
      return { ...plan, ending: 'cut' };
    case 'accept-then-truncate':
      return { ...plan, ending: 'truncate' };
    case 'hang':
      return { ...plan, accept: false, ending: 'hang' };
    case 'cut':
      return { ...plan, accept: false, ending: 'cut' };
    case 'success-false':
      return { ...plan, accept: false, flaw: 'success-false' };
    default: {
      const { status, body, raw } = outcome;
      const isReal = status === undefined && body === undefined && raw === undefined;
      return { ...plan, accept: outcome.accept ?? isReal, reply: outcome };
    }
  }
}
