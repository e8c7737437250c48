import { z } from 'zod';
import type { EpochMs } from './clock.ts';
import type { VerificationEvent } from './decide.ts';
import { type Attempt, ClosedStatus, CloseReason, isClosed, type Verification } from './verification.ts';

/** What the timeline tells of; types may be added. */
export const StoryType = z.enum([
  'verification.created',
  'attempt.started',
  'attempt.retry',
  'attempt.sent',
  'attempt.failed',
  'attempt.unknown',
  'attempt.skipped',
  'check.approved',
  'check.wrong',
  'check.inconclusive',
  'check.unavailable',
  'check.no_live_code',
  ...ClosedStatus.options.map((status) => `verification.${status}` as const),
  'number.dropped',
  'callback.delivered',
  'callback.failed',
  'callback.exhausted',
  'callback.refused',
  'callback.gone',
]);
export type StoryType = z.infer<typeof StoryType>;

/**
 * One fact as it is kept: figures and names only, since the sentence is made when somebody reads it. Attempts are told
 * by their place in the verification. It never holds a code or a number.
 */
export const StoryFact = z.object({
  type: StoryType,
  at: z.number(),
  attempt: z.number().optional(),
  trigger: z.string().optional(),
  /** Requests made to SignalWire so far. */
  tries: z.number().optional(),
  /** From when the try might have begun to its intent. */
  waitedMs: z.number().optional(),
  /** The wait was the channel's rate limit, with so many per second. */
  ratePerSecond: z.number().optional(),
  /** How long SignalWire or a receiver took to answer. */
  tookMs: z.number().optional(),
  retryInMs: z.number().optional(),
  detail: z.string().optional(),
  httpStatus: z.number().nullable().optional(),
  /** Checks used so far. */
  used: z.number().optional(),
  reason: CloseReason.nullable().optional(),
  callback: z.string().optional(),
  /** Type of the event that a callback reports. */
  event: z.string().optional(),
  /** Deliveries made so far. */
  delivery: z.number().optional(),
  host: z.string().optional(),
});
export type StoryFact = z.infer<typeof StoryFact>;

/** Tries beyond these are only counted: a misconfigured account is tried again for as long as a verification lives. */
const RETRIES_TOLD = 20;
/** A shorter wait in a queue is not worth a word. */
export const WAIT_TOLD_MS = 250;

/** What a change tells: the difference between two states, with what only the event knows. */
export function tell(
  before: Verification | null,
  event: VerificationEvent | null,
  after: Verification,
  now: EpochMs,
): StoryFact[] {
  const facts: StoryFact[] = [];
  const say = (type: StoryType, rest: Omit<StoryFact, 'type' | 'at'> = {}) => {
    facts.push({ type, at: Math.floor(now), ...rest });
  };
  if (before === null) say('verification.created');
  tellCheck(say, before, event, after);
  for (const [n, attempt] of after.attempts.entries()) {
    const was = before?.attempts[n];
    if (was === undefined) {
      const started = attempt.status !== 'skipped' || attempt.error?.code === 'closed';
      if (started) say('attempt.started', { attempt: n, trigger: attempt.trigger });
    }
    if (was?.status !== attempt.status) tellAttempt(say, n, was, attempt, event, now);
  }
  if (isClosed(after) && !(before && isClosed(before))) say(`verification.${after.status}`, { reason: after.reason });
  if (before && before.to !== after.to && after.to === after.masked) say('number.dropped');
  return facts;
}

type Say = (type: StoryType, rest?: Omit<StoryFact, 'type' | 'at'>) => void;

function tellAttempt(
  say: Say,
  n: number,
  was: Attempt | undefined,
  attempt: Attempt,
  event: VerificationEvent | null,
  now: EpochMs,
): void {
  const { tries } = attempt;
  const flight = was?.flight;
  const waitedMs = was && flight ? Math.max(0, Math.floor(flight.at - was.nextTryAt)) : 0;
  const limited = event?.type === 'try_ended' ? event.heldBackByRate : undefined;
  const figures = {
    attempt: n,
    tries,
    ...(waitedMs >= WAIT_TOLD_MS && { waitedMs, ...(limited !== undefined && { ratePerSecond: limited }) }),
    ...(flight && { tookMs: Math.max(0, Math.floor(now - flight.at)) }),
  };
  const error = attempt.error && { detail: attempt.error.detail, httpStatus: attempt.error.httpStatus };
  switch (attempt.status) {
    case 'sent':
    case 'failed':
    case 'unknown':
    case 'skipped':
      say(`attempt.${attempt.status}`, { ...figures, ...error });
      return;
    case 'queued': {
      // a try that could not leave in time was none
      if (
        was?.status !== 'sending' ||
        event?.type !== 'try_ended' ||
        event.outcome.kind === 'not_left' ||
        tries > RETRIES_TOLD
      )
        return;
      const told = 'detail' in event.outcome ? event.outcome : undefined;
      const retryInMs = Math.max(0, Math.floor(attempt.nextTryAt - now));
      say('attempt.retry', {
        ...figures,
        retryInMs,
        ...(told && { detail: told.detail, httpStatus: told.httpStatus }),
      });
      return;
    }
    case 'sending':
      return; // told with its result
    default:
      attempt.status satisfies never;
  }
}

function tellCheck(say: Say, before: Verification | null, event: VerificationEvent | null, after: Verification): void {
  const { used } = after.checks;
  if (event?.type === 'check_ended') {
    // one that came after the close changed nothing
    if (before && !isClosed(before)) say(`check.${event.result}`, { used });
    return;
  }
  if (event?.type === 'check_started') {
    if (!event.wellFormed && used > (before?.checks.used ?? 0)) say('check.wrong', { used });
    return;
  }
  const died = (before?.checks.inFlight.length ?? 0) - after.checks.inFlight.length;
  for (let i = 0; i < died; i++) say('check.inconclusive', { used });
}

/** What a fact's figures are called where it is kept: as short as can be. */
const SHORT = {
  attempt: 'a',
  trigger: 'g',
  tries: 'n',
  waitedMs: 'w',
  ratePerSecond: 'l',
  tookMs: 't',
  retryInMs: 'r',
  detail: 'd',
  httpStatus: 's',
  used: 'u',
  reason: 'y',
  callback: 'c',
  event: 'e',
  delivery: 'm',
  host: 'h',
} as const satisfies Record<Exclude<keyof StoryFact, 'type' | 'at'>, string>;
const LONG = new Map<string, string>(Object.entries(SHORT).map(([long, short]) => [short, long]));

/** An end without a reason, as an approval is; this is not kept. */
const NO_REASON = { reason: null };
const ENDS: ReadonlySet<StoryType> = new Set(ClosedStatus.options.map((status) => `verification.${status}` as const));

/** A fact as it is kept, with the end of its line: `["attempt.sent",1790000000000,{"a":0,"n":1,"t":212}]`. */
export function storyLine({ type, at, ...figures }: StoryFact): string {
  const kept = Object.entries(figures).filter(([name, value]) => name !== 'reason' || value !== null);
  const short = kept.map(([name, value]) => [SHORT[name as keyof typeof SHORT], value]);
  return `${JSON.stringify([type, at, ...(kept.length > 0 ? [Object.fromEntries(short)] : [])])}\n`;
}

/** The facts of a story as it is kept, oldest first. */
export function readStory(lines: string): StoryFact[] {
  const kept = lines.split('\n').filter((line) => line !== '');
  return kept.map((line) => {
    const [type, at, short = {}] = JSON.parse(line) as [StoryType, number, object?];
    const figures = Object.entries(short).map(([name, value]) => [LONG.get(name) ?? name, value]);
    return StoryFact.parse({ type, at, ...(ENDS.has(type) && NO_REASON), ...Object.fromEntries(figures) });
  });
}
