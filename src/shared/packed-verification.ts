import type { Channel } from './channel.ts';
import { attemptIdOf, type VerificationId } from './ids.ts';
import { maskBehind } from './phone-number.ts';
import { type Attempt, Verification } from './verification.ts';

/**
 * A verification as Redis keeps it: an array, because names would take most of the memory. Times count from its making, in
 * milliseconds. At the end stands, by name, what is not as usual; that is where later releases add what they need, so that
 * neighbouring releases read each other's.
 */
type Packed = [
  schema: 1,
  createdAt: number,
  livesMs: number,
  owner: string,
  /** As it is kept: full, sealed, or masked. */
  to: string,
  /** How many characters of `to` the masked number shows in front; 0: `to` is masked; else the masked number itself. */
  masked: number | string,
  numberHash: string,
  country: string | null,
  status: Verification['status'],
  currentStep: number,
  timerIn: number | null,
  sends: number,
  sequence: number,
  workflow: [channel: Channel, timeout?: number][],
  attempts: PackedAttempt[],
  unusual: object,
];

type PackedAttempt = [
  step: number,
  channel: Channel,
  trigger: Attempt['trigger'],
  status: Attempt['status'],
  tries: number,
  startedIn: number,
  sentIn: number | null,
  mfaId: string | null,
  unusual: object,
];

const USUAL = {
  client: undefined,
  rateLimitKeys: undefined,
  origin: undefined,
  from: null,
  message: null,
  codeLength: 6,
  codeType: 'numeric',
  callbackUrl: null,
  reference: null,
  metadata: undefined,
  stepStartedIn: 0,
  maxSends: 4,
  checks: 0,
  maxChecks: 5,
  checksInFlight: undefined,
  lastTryMisconfigured: false,
  reason: null,
  closedIn: null,
};

const USUAL_ATTEMPT = {
  countedTries: 0,
  error: null,
  nextTryIn: 0,
  flight: null,
  lostToken: null,
  spent: false,
  request: undefined,
};

/** @param to - the number as it is to be kept. */
export function packVerification(v: Verification, to: string): string {
  const since = (at: number) => at - v.createdAt;
  const packed: Packed = [
    v.schema,
    v.createdAt,
    since(v.expiresAt),
    v.owner,
    to,
    packMasked(v.masked, to),
    v.numberHash,
    v.country,
    v.status,
    v.currentStep,
    v.timerAt === null ? null : since(v.timerAt),
    v.sends,
    v.sequence,
    v.workflow.map(({ channel, timeout }) => (timeout === undefined ? [channel] : [channel, timeout])),
    v.attempts.map((attempt) => packAttempt(attempt, since)),
    unusual(USUAL, {
      client: v.client,
      rateLimitKeys: v.rateLimitKeys,
      origin: v.origin,
      from: v.from,
      message: v.message,
      codeLength: v.codeLength,
      codeType: v.codeType,
      callbackUrl: v.callbackUrl,
      reference: v.reference,
      metadata: Object.keys(v.metadata).length === 0 ? undefined : v.metadata,
      stepStartedIn: since(v.stepStartedAt),
      maxSends: v.maxSends,
      checks: v.checks.used,
      maxChecks: v.checks.max,
      checksInFlight: v.checks.inFlight.length === 0 ? undefined : v.checks.inFlight,
      lastTryMisconfigured: v.lastTryMisconfigured,
      reason: v.reason,
      closedIn: v.closedAt === null ? null : since(v.closedAt),
    }),
  ];
  return JSON.stringify(packed);
}

/** @throws when it is no verification that this release can read. */
export function unpackVerification(id: VerificationId, packed: string): Verification {
  const [
    schema,
    createdAt,
    livesMs,
    owner,
    to,
    masked,
    numberHash,
    country,
    status,
    currentStep,
    timerIn,
    sends,
    sequence,
    workflow,
    attempts,
    rest,
  ] = JSON.parse(packed) as Packed;
  const { stepStartedIn, closedIn, checks, maxChecks, checksInFlight, metadata, ...named } = { ...USUAL, ...rest };
  const at = (ms: number) => createdAt + ms;
  return Verification.parse({
    ...named,
    schema,
    id,
    owner,
    to,
    masked: unpackMasked(masked, to),
    numberHash,
    country,
    metadata: metadata ?? {},
    workflow: workflow.map(([channel, timeout]) => (timeout === undefined ? { channel } : { channel, timeout })),
    currentStep,
    stepStartedAt: at(stepStartedIn),
    timerAt: timerIn === null ? null : at(timerIn),
    attempts: attempts.map((attempt, n) => unpackAttempt(attempt, attemptIdOf(id, n), at)),
    sends,
    checks: { used: checks, max: maxChecks, inFlight: checksInFlight ?? [] },
    sequence,
    createdAt,
    expiresAt: at(livesMs),
    status,
    closedAt: closedIn === null ? null : at(closedIn),
  });
}

function packAttempt(a: Attempt, since: (at: number) => number): PackedAttempt {
  const { countedTries, error, flight, lostToken, spent, request } = a;
  const nextTryIn = a.nextTryAt - a.startedAt;
  return [
    a.step,
    a.channel,
    a.trigger,
    a.status,
    a.tries,
    since(a.startedAt),
    a.sentAt === null ? null : since(a.sentAt),
    a.mfaId,
    unusual(USUAL_ATTEMPT, { countedTries, error, nextTryIn, flight, lostToken, spent, request }),
  ];
}

function unpackAttempt(packed: PackedAttempt, id: Attempt['id'], at: (ms: number) => number): Attempt {
  const [step, channel, trigger, status, tries, startedIn, sentIn, mfaId, rest] = packed;
  const { nextTryIn, ...named } = { ...USUAL_ATTEMPT, ...rest };
  return {
    ...named,
    id,
    step,
    channel,
    trigger,
    status,
    tries,
    startedAt: at(startedIn),
    sentAt: sentIn === null ? null : at(sentIn),
    nextTryAt: at(startedIn) + nextTryIn,
    mfaId,
  };
}

function packMasked(masked: string, to: string): number | string {
  if (masked === to) return 0;
  const shown = masked.indexOf('•');
  return shown > 0 && maskBehind(to, shown) === masked ? shown : masked;
}

function unpackMasked(masked: number | string, to: string): string {
  if (typeof masked === 'string') return masked;
  return masked === 0 ? to : maskBehind(to, masked);
}

function unusual<T extends object>(usual: { [K in keyof T]: unknown }, values: T): Partial<T> {
  const kept: Partial<T> = {};
  for (const name in values) if (values[name] !== usual[name]) kept[name] = values[name];
  return kept;
}
