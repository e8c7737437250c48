import type { Clock } from '../shared/clock.ts';
import { open, type Policy } from '../shared/decide.ts';
import type { Quota, Screening } from '../shared/screening.ts';
import { isClosed, type OpenVerification, type Verification } from '../shared/verification.ts';
import type { Stored, VerificationStore } from '../shared/verification-store.ts';
import type { Verifications } from '../shared/verifications.ts';
import { ownerOf } from './authenticate.ts';
import type { DraftVerification } from './draft-verification.ts';
import { IDEMPOTENCY_TTL_MS, type IdempotentRoute } from './idempotency.ts';
import { ProblemError } from './problems.ts';
import { rateLimited, tellQuotas } from './rate-limit.ts';
import { parseBody } from './read-json.ts';
import type { CreateVerification, RequestSchemas } from './schemas.ts';

interface Deps {
  draft: DraftVerification;
  screening: Screening;
  store: Pick<VerificationStore, 'read' | 'confirm' | 'activeFor'>;
  verifications: Verifications;
  policy: Policy;
  clock: Clock;
}

/** How a submission ended: `existing` is the open one that `if_active: return` asked for. */
export interface Submission {
  kind: 'created' | 'existing';
  verification: Verification;
  /** What is left of the allowances that it was counted in. */
  quotas: readonly Quota[];
}

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
 * Builds the submission of a checked request. `if_active` is decided first, then the screening judges, then the
 * verification is stored with its first attempt: what is refused on the way counts against no limit.
 *
 * @throws {ProblemError} `verification-active`, when the owner has an open one for the number; `rate-limited`.
 */
export function createSubmitVerification(deps: Deps): SubmitVerification {
  const { draft, screening, store, verifications, policy, clock } = deps;

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
    const ifActive = body.if_active ?? 'conflict';
    let generation = 0;
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const seed = idempotencySeed && `${idempotencySeed}:${generation}`;
      const { verification: v, applicant } = await draft(body, owner, seed);
      const [existing, active] = await Promise.all([seed === undefined ? undefined : store.read(v.id), findActive(v)]);
      if (existing !== undefined) {
        const outdated = applicant.now - existing.verification.createdAt >= IDEMPOTENCY_TTL_MS;
        if (outdated)
          generation += 1; // the key was used for another one, longer ago than it is remembered
        else if (await store.confirm({ stored: existing, change: null }))
          return { kind: 'created', verification: existing.verification, quotas: [] };
        continue;
      }
      if (active !== undefined && ifActive === 'return') {
        if (!(await store.confirm({ stored: active, change: null }))) continue;
        return { kind: 'existing', verification: active.verification, quotas: [] };
      }
      if (active !== undefined && ifActive === 'conflict') throw conflict(active.verification);

      const { outcome, quotas } = await screening.screen({ ...applicant, replaces: active !== undefined });
      if (outcome.kind === 'limited') {
        // another process may have taken the allowance for this very number a moment ago
        if (active === undefined && (await store.activeFor(v)) !== undefined) continue;
        throw rateLimited(outcome, quotas);
      }
      if (active !== undefined)
        await verifications.update(active.verification.id, { type: 'canceled', reason: 'replaced' });
      const now = clock.now();
      const blocked = outcome.kind === 'blocked' ? outcome.reason : null;
      const creation = await verifications.create(open(v, now, policy, blocked), now);
      if (creation.kind !== 'active') return { kind: 'created', verification: creation.stored.verification, quotas };
      await screening.release(applicant);
    }
    throw new ProblemError('unavailable', 'too many submissions for this number at once; repeat the request', {
      retryAfterMs: 1_000,
    });
  }

  /** The number's open verification. It may only look open: time has its say first. */
  async function findActive(v: OpenVerification): Promise<Stored | undefined> {
    const id = await store.activeFor(v);
    if (id === undefined) return undefined;
    const active = await verifications.update(id, { type: 'tick' });
    if (active === undefined) await verifications.forgetActive(v, id);
    return active && !isClosed(active.stored.verification) ? active.stored : undefined;
  }
}

function conflict({ id }: Verification): ProblemError {
  return new ProblemError('verification-active', `${id} is open for this number; check, cancel or replace it`, {
    members: { verification_id: id },
  });
}

/** `POST /v1/verifications` */
export function createVerificationRoute(submit: SubmitVerification, schemas: RequestSchemas): IdempotentRoute {
  return async (request, response, seed) => {
    const body = parseBody(schemas.CreateVerification, request.body);
    const { kind, verification, quotas } = await submit(body, ownerOf(response), seed);
    tellQuotas(response, quotas);
    return {
      status: kind === 'created' ? 202 : 200,
      location: `/v1/verifications/${verification.id}`,
      verification,
    };
  };
}
