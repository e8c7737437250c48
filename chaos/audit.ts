import type { SandboxRequest } from '../src/sandbox/sandbox.ts';
import { isClosed, type Verification } from '../src/shared/verification.ts';
import type { VerificationView } from '../src/shared/verification-view.ts';
import type { ApiAnswer, Submission } from './clients.ts';
import type { Delivery } from './receiver.ts';

/** All that is known when a run is over. Times are epoch milliseconds of one machine. */
export interface Evidence {
  maxSends: number;
  submissions: readonly Submission[];
  /** What Redis holds in the end, by id. */
  stored: ReadonlyMap<string, Verification>;
  /** Found open in Redis, although its time was over and all was well. */
  overdue: ReadonlySet<string>;
  /** What `GET` says in the end; undefined: not found. */
  shown: ReadonlyMap<string, VerificationView | undefined>;
  /** What the API said on the way. */
  answers: ReadonlyMap<string, readonly ApiAnswer[]>;
  /** Requests for codes that reached SignalWire, by the reference of the submission. */
  sends: ReadonlyMap<string, readonly SandboxRequest[]>;
  /** Checks that reached SignalWire. */
  checks: readonly { request: SandboxRequest; counted: boolean }[];
  deliveries: readonly Delivery[];
}

/** The ways in which a promise can be broken, in the words of the report. */
export const BROKEN = [
  'lost',
  'stuck',
  'over the send limit',
  'sent after the close',
  'sent too late to be used',
  'uncounted sends',
  'callbacks lost',
  'callbacks changed',
  'changed after the close',
  'approved without a right code',
  'over the check limit',
  'attempts without an end',
] as const;
export type Broken = (typeof BROKEN)[number];

/** One promise broken for one verification. */
export interface Finding {
  broken: Broken;
  /** The verification's id, or the reference of a submission that has none. */
  who: string;
  detail: string;
}

export interface Audit {
  findings: readonly Finding[];
  verifications: number;
  /** Codes that SignalWire accepted. */
  sends: number;
  /** The most for one verification. */
  mostSends: number;
  unknownAttempts: number;
  callbacks: number;
  /** Deliveries of an event that had been answered with a 2xx before. */
  duplicateDeliveries: number;
  /** By final status. */
  outcomes: ReadonlyMap<string, number>;
}

/** A request leaves within this time of its intent. */
const LEAVE_WITHIN_MS = 2_000;
/** For the way to the sandbox on a busy machine, and for two clocks that differ by a little. */
const SLACK_MS = 500;
const LEAST_VALID_FOR_SECONDS = 30;

/** Holds everything that was seen against what is promised. */
export function audit(evidence: Evidence): Audit {
  const findings: Finding[] = [];
  const deliveriesOf = Map.groupBy(evidence.deliveries, ({ body }) => body.data.verification.id);

  for (const { id, acknowledged, reference } of evidence.submissions) {
    const report = (detail: string) => findings.push({ broken: 'lost', who: id ?? reference, detail });
    if (acknowledged && id !== undefined) {
      if (!evidence.stored.has(id)) report('it was accepted and is not in Redis');
      else if (evidence.shown.get(id) === undefined) report('it was accepted and GET does not find it');
    }
  }
  const references = new Set([...evidence.stored.values()].map(({ reference }) => reference));
  for (const [reference] of evidence.sends) {
    if (!references.has(reference)) findings.push({ broken: 'lost', who: reference, detail: 'codes were sent for it' });
  }

  for (const [id, v] of evidence.stored) {
    const sends = evidence.sends.get(v.reference ?? '') ?? [];
    const report = (broken: Broken, detail: string) => findings.push({ broken, who: id, detail });
    judgeEnd(v, sends, evidence, report);
    judgeSends(v, sends, evidence, report);
    judgeChecks(v, evidence, report);
    judgeCallbacks(v, deliveriesOf.get(id) ?? [], report);
  }

  const accepted = [...evidence.sends.values()].map((sends) => sends.filter((send) => send.accepted).length);
  const stored = [...evidence.stored.values()];
  const taken = evidence.deliveries.filter((delivery) => delivery.taken);
  return {
    findings,
    verifications: stored.length,
    sends: accepted.reduce((sum, count) => sum + count, 0),
    mostSends: Math.max(0, ...accepted),
    unknownAttempts: stored.flatMap((v) => v.attempts).filter(({ status }) => status === 'unknown').length,
    callbacks: stored.reduce((sum, v) => sum + v.sequence, 0),
    duplicateDeliveries: taken.length - new Set(taken.map(({ eventId }) => eventId)).size,
    outcomes: new Map(
      [...Map.groupBy(stored, (v) => v.status)].map(([status, list]) => [status, list.length] as const).sort(),
    ),
  };
}

type Report = (broken: Broken, detail: string) => void;

/** It has ended, is shown as it ended, and nothing was said of it that did not stay true. */
function judgeEnd(v: Verification, sends: readonly SandboxRequest[], evidence: Evidence, report: Report): void {
  if (evidence.overdue.has(v.id) || !isClosed(v)) report('stuck', `${v.status}, expires ${time(v.expiresAt)}`);
  if (!isClosed(v)) return;
  const tries = v.attempts.reduce((sum, attempt) => sum + attempt.tries, 0);
  const ranOut = v.closedAt >= v.expiresAt;
  if (ranOut && tries === 0 && sends.length === 0) report('stuck', 'its time ran out and no code was ever tried');
  for (const { id, status } of v.attempts) {
    if (status === 'queued' || status === 'sending')
      report('attempts without an end', `${id} is ${status}, and the verification is closed`);
  }
  const final = ending(evidence.shown.get(v.id));
  for (const answer of evidence.answers.get(v.id) ?? []) {
    const said = answer.body.verification ?? answer.body;
    if (answer.status >= 300 || said.closed_at == null) continue;
    if (ending(said) !== final) report('changed after the close', `${time(answer.at)}: ${ending(said)}; then ${final}`);
  }
}

/** What must not change once it is closed. */
function ending(view: Partial<VerificationView> | undefined): string {
  const { status, reason, closed_at, checks } = view ?? {};
  return JSON.stringify({ status, reason, closed_at, checks });
}

function judgeSends(v: Verification, sends: readonly SandboxRequest[], evidence: Evidence, report: Report): void {
  const accepted = sends.filter((send) => send.accepted);
  if (accepted.length > evidence.maxSends) report('over the send limit', `${accepted.length} codes`);
  if (accepted.length > v.sends) report('uncounted sends', `${accepted.length} codes, ${v.sends} counted`);
  const tries = v.attempts.reduce((sum, attempt) => sum + attempt.tries, 0);
  if (sends.length > tries) report('uncounted sends', `${sends.length} requests, ${tries} tries counted`);
  for (const send of sends) {
    const validForMs = (send.body as { valid_for: number }).valid_for * 1000;
    const latest = LEAVE_WITHIN_MS + SLACK_MS;
    if (v.closedAt !== null && send.at > v.closedAt + latest)
      report('sent after the close', `requested ${time(send.at)}, closed ${time(v.closedAt)}`);
    if (validForMs < LEAST_VALID_FOR_SECONDS * 1000 || v.expiresAt - send.at < LEAST_VALID_FOR_SECONDS * 1000 - latest)
      report('sent too late to be used', `requested ${time(send.at)}, expires ${time(v.expiresAt)}`);
    if (send.at + validForMs > v.expiresAt + latest)
      report(
        'sent too late to be used',
        `the code lives until ${time(send.at + validForMs)}, the verification does not`,
      );
  }
}

function judgeChecks(v: Verification, evidence: Evidence, report: Report): void {
  const mine = evidence.checks.filter(({ request }) => request.to === v.to);
  const isRight = mine.some(({ request, counted }) => counted && request.accepted);
  if (v.status === 'approved' && !isRight) report('approved without a right code', `${mine.length} checks`);
  if (v.checks.used > v.checks.max) report('over the check limit', `${v.checks.used} of ${v.checks.max}`);
  const byCode = Map.groupBy(
    mine.filter(({ counted }) => counted),
    ({ request }) => request.id,
  );
  for (const [id, checks] of byCode)
    if (checks.length > v.checks.max) report('over the check limit', `${checks.length} for the code ${id}`);
  const approvals = (evidence.answers.get(v.id) ?? []).filter(({ body }) => body.approved === true);
  if (approvals.length > 0 && v.status !== 'approved')
    report('changed after the close', 'a check was answered approved');
}

function judgeCallbacks(v: Verification, deliveries: readonly Delivery[], report: Report): void {
  const bySequence = Map.groupBy(deliveries, ({ body }) => body.data.sequence);
  for (let sequence = 1; sequence <= v.sequence; sequence++) {
    const same = bySequence.get(sequence) ?? [];
    if (!same.some(({ taken }) => taken)) report('callbacks lost', `sequence ${sequence} of ${v.sequence}`);
    if (new Set(same.map(({ eventId, raw }) => `${eventId} ${raw}`)).size > 1)
      report('callbacks changed', `sequence ${sequence} came as different events`);
  }
  for (const sequence of bySequence.keys())
    if (sequence > v.sequence) report('callbacks changed', `sequence ${sequence} of ${v.sequence} does not exist`);
  if (!isClosed(v)) return;
  for (const { body } of deliveries) {
    const { sequence, verification } = body.data;
    const closes = body.type === `verification.${v.status}`;
    if (closes !== (sequence === v.sequence)) report('callbacks changed', `${body.type} is sequence ${sequence}`);
    if (closes && (verification.status !== v.status || verification.reason !== v.reason))
      report('callbacks changed', `${body.type} says ${verification.status} (${verification.reason})`);
  }
}

const time = (at: number) => new Date(at).toISOString();
