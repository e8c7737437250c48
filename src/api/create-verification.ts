import { createHmac } from 'node:crypto';
import type { Clock } from '../shared/clock.ts';
import type { Config } from '../shared/config.ts';
import { open, type Policy } from '../shared/decide.ts';
import { newVerificationId, type RandomHex } from '../shared/ids.ts';
import { countryOf, type E164, hashNumber, maskNumber, slotOf } from '../shared/phone-number.ts';
import { isClosed, type OpenVerification, type Verification } from '../shared/verification.ts';
import { verificationView } from '../shared/verification-view.ts';
import type { Verifications } from '../shared/verifications.ts';
import { ownerOf } from './authenticate.ts';
import { IDEMPOTENCY_TTL_MS, type IdempotentRoute } from './idempotency.ts';
import type { NumberKey } from './number-key.ts';
import { ProblemError } from './problems.ts';
import { parseBody } from './read-json.ts';
import { type CreateVerification, type RequestSchemas, withDefaults } from './schemas.ts';

interface Deps {
  verifications: Verifications;
  config: Config;
  policy: Policy;
  clock: Clock;
  numberKey: NumberKey;
  random: RandomHex;
}

/** How a submission ended: `existing` is the open one that `if_active: return` asked for. */
export type Submission = { kind: 'created' | 'existing'; verification: Verification };

/**
 * @param idempotencySeed - names the request: repeated with the same seed within a day it finds what it has stored,
 * even when its answer was lost.
 */
export type SubmitVerification = (
  body: CreateVerification,
  owner: string,
  idempotencySeed?: string,
) => Promise<Submission>;

/** More rounds than this mean that others replace the verification as fast as we do. */
const MAX_ROUNDS = 5;

/**
 * Builds the submission of a checked request: stores the verification with its first attempt.
 *
 * @throws {ProblemError} `verification-active`, when the owner has an open one for the number.
 */
export function createSubmitVerification(deps: Deps): SubmitVerification {
  const { verifications, config, policy, clock } = deps;

  function draft(
    body: CreateVerification,
    owner: string,
    numberKey: string,
    now: number,
    seed: string | undefined,
  ): OpenVerification {
    const to = body.to as E164;
    const numberHash = hashNumber(numberKey, to);
    const filled = withDefaults(body, config);
    return {
      schema: 1,
      id: newVerificationId(slotOf(numberHash), seed === undefined ? deps.random : () => seededHex(numberKey, seed)),
      owner,
      to,
      masked: maskNumber(to),
      numberHash,
      country: countryOf(to) ?? null,
      from: filled.from,
      message: body.message ?? null,
      codeLength: filled.codeLength,
      codeType: filled.codeType,
      callbackUrl: body.callback_url ?? null,
      reference: body.reference ?? null,
      metadata: body.metadata ?? {},
      workflow: filled.workflow.map(({ channel, timeout }) => ({ channel, ...(timeout !== undefined && { timeout }) })),
      currentStep: 0,
      stepStartedAt: now,
      timerAt: null,
      attempts: [],
      sends: 0,
      maxSends: config.sending.maxSends,
      checks: { used: 0, max: filled.maxChecks, inFlight: [] },
      sequence: 0,
      lastTryMisconfigured: false,
      createdAt: now,
      expiresAt: now + filled.expiresInMs,
      status: 'queued',
      reason: null,
      closedAt: null,
    };
  }

  /** Submissions for one number run one after the other in this process: those that replace would undo each other. */
  const lanes = new Map<string, Promise<unknown>>();
  async function inLane<T>(lane: string, work: () => Promise<T>): Promise<T> {
    const turn = (lanes.get(lane) ?? Promise.resolve()).then(work, work);
    const settled = turn.catch(() => {});
    lanes.set(lane, settled);
    await settled;
    if (lanes.get(lane) === settled) lanes.delete(lane);
    return turn;
  }

  return (body, owner, idempotencySeed) =>
    inLane(`${owner} ${body.to}`, () => submitVerification(body, owner, idempotencySeed));

  async function submitVerification(
    body: CreateVerification,
    owner: string,
    idempotencySeed?: string,
  ): Promise<Submission> {
    const numberKey = await deps.numberKey();
    const ifActive = body.if_active ?? 'conflict';
    let generation = 0;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const now = clock.now();
      const seed = idempotencySeed && `${idempotencySeed}:${generation}`;
      const v = draft(body, owner, numberKey, now, seed);
      const blocked = v.country !== null && config.countries.includes(v.country) ? null : 'country_not_allowed';
      const creation = await verifications.create(open(v, now, policy, blocked), now);
      if (creation.kind === 'created') return { kind: 'created', verification: creation.change.after };
      if (creation.kind === 'existing') {
        if (now - creation.verification.createdAt < IDEMPOTENCY_TTL_MS)
          return { kind: 'created', verification: creation.verification };
        generation += 1; // the key was used for another one, longer ago than it is remembered
        continue;
      }

      // the open one may only look open: time has its say first
      const event =
        ifActive === 'replace' ? ({ type: 'canceled', reason: 'replaced' } as const) : ({ type: 'tick' } as const);
      const active = await verifications.update(creation.id, event);
      if (active === undefined) await verifications.forgetActive(v, creation.id);
      else if (!isClosed(active.stored.verification)) {
        if (ifActive === 'return') return { kind: 'existing', verification: active.stored.verification };
        throw new ProblemError(
          'verification-active',
          `${creation.id} is open for this number; check, cancel or replace it`,
          {
            members: { verification_id: creation.id },
          },
        );
      }
    }
    throw new ProblemError('unavailable', 'too many submissions for this number at once; repeat the request', {
      retryAfterMs: 1_000,
    });
  }
}

/** The random part of an id that follows from a seed. */
function seededHex(key: string, seed: string): string {
  return createHmac('sha256', key).update(`idempotency:${seed}`).digest('hex').slice(0, 32);
}

/** `POST /v1/verifications` */
export function createVerificationRoute(submit: SubmitVerification, schemas: RequestSchemas): IdempotentRoute {
  return async (request, response, seed) => {
    const body = parseBody(schemas.CreateVerification, request.body);
    const { kind, verification } = await submit(body, ownerOf(response), seed);
    return {
      status: kind === 'created' ? 202 : 200,
      location: `/v1/verifications/${verification.id}`,
      body: verificationView(verification, 'full'),
    };
  };
}
