import type { Redis } from 'ioredis';
import type { Clock } from './clock.ts';
import type { Erasure } from './erasure.ts';
import { type ErasureId, newErasureId, type RandomHex, type VerificationId } from './ids.ts';
import type { Keys } from './keys.ts';
import { sourceOf } from './limits.ts';
import type { Metrics } from './metrics.ts';
import type { Partition } from './partitioned.ts';
import { placesOf } from './partitions.ts';
import { slotOf } from './phone-number.ts';
import type { RunScript } from './redis-scripts.ts';
import { isClosed, type Verification } from './verification.ts';

/** Where verifications are, and what it takes to erase one. */
type Place = Pick<Partition, 'name' | 'keys' | 'store' | 'callbacks' | 'errands'>;

interface Deps {
  redis: Redis;
  runScript: RunScript;
  /** Those of what belongs to no number: erasures, kept answers, limits. */
  keys: Keys;
  clock: Clock;
  random: RandomHex;
  partitions: readonly Place[];
  metrics: Pick<Metrics, 'countChange'>;
  /** How long the record of an erasure stays readable. */
  retentionMs: number;
}

export type Erasures = ReturnType<typeof createErasures>;

/** Verifications erased at once, each by some ten commands. */
const BATCH = 50;
/** Verifications in one go: the reconciler has other things to do too. */
const MAX_PER_PASS = 500;

/**
 * Erases what is kept about a number for one key name. What has to be done is recorded first and found by an index, so
 * whoever begins may die: the reconciler goes on, and everything may be done twice.
 */
export function createErasures(deps: Deps) {
  const { redis, runScript, keys, clock } = deps;

  /** The partitions that the number's verifications may be in, since they may have been fewer when one was made. */
  function placesFor(id: ErasureId): readonly Place[] {
    const names = new Set(placesOf(id, deps.partitions.length));
    return deps.partitions.filter(({ name }) => names.has(name));
  }

  async function read(id: ErasureId): Promise<Erasure | undefined> {
    const [record, ...counts] = await Promise.all(
      [keys, ...placesFor(id).map((place) => place.keys)].map((own) => redis.hgetall(own.erasure(id))),
    );
    const { owner, number, created, completed } = record ?? {};
    if (owner === undefined || created === undefined) return undefined;
    const sum = (name: keyof Erasure['erased']) => counts.reduce((total, count) => total + Number(count[name] ?? 0), 0);
    return {
      id,
      owner,
      numberHash: number ?? null,
      createdAt: Number(created),
      completedAt: completed === undefined ? null : Number(completed),
      erased: {
        verifications: sum('verifications'),
        canceled: sum('canceled'),
        callbacks: sum('callbacks'),
        answers: Number(record?.['answers'] ?? 0),
      },
    };
  }

  /** @returns the verification, closed; undefined when Redis has it no more. */
  async function close({ store }: Place, id: VerificationId): Promise<Verification | undefined> {
    const stored = await store.read(id);
    if (stored === undefined || isClosed(stored.verification)) return stored?.verification;
    const update = await store.update(id, { type: 'canceled', reason: 'canceled' }, stored);
    if (update?.change) deps.metrics.countChange(update.change);
    return update?.stored.verification;
  }

  /** What is kept of requests: answers, and what limits remember of this owner's requests for the number. */
  async function eraseAnswers(v: Verification, erasure: ErasureId): Promise<boolean> {
    const answers = await redis.smembers(keys.verificationReplies(v.id));
    const reply = await runScript(
      'eraseAnswers',
      [
        keys.verificationReplies(v.id),
        keys.erasure(erasure),
        ...answers.map((hash) => keys.idempotency(hash)),
        keys.allowance('number-api-key', `${v.owner}:${sourceOf(v.numberHash, v.client ?? null)}`),
        keys.familiar(v.numberHash),
      ],
      [answers.length],
    );
    return reply === 1;
  }

  /** @returns false when one of its jobs runs at this moment: then it is for the next pass. */
  async function eraseVerification(
    place: Place,
    erasure: Erasure,
    numberHash: string,
    id: VerificationId,
  ): Promise<boolean> {
    const { store, callbacks, errands } = place;
    const verification = await close(place, id);
    if (verification === undefined) {
      await store.forget(erasure.owner, numberHash, id);
      return true;
    }
    const found = await Promise.all((await callbacks.ofVerification(id)).map((callback) => callbacks.read(callback)));
    const owed = found.flatMap((stored) => (stored ? [stored.callback] : []));
    if (!(await errands.removeJobs(verification, owed))) return false;
    if (!(await eraseAnswers(verification, erasure.id))) return false;
    return store.erase(verification, owed, {
      id: erasure.id,
      vanishesAt: erasure.createdAt + deps.retentionMs,
      canceled: verification.reason === 'canceled' && (verification.closedAt ?? 0) >= erasure.createdAt,
    });
  }

  /** One pass over one partition. @returns whether nothing is left there. */
  async function eraseIn(place: Place, erasure: Erasure, numberHash: string, limit: number): Promise<boolean> {
    const { owner, createdAt } = erasure;
    let left = 0;
    for (let done = 0; done < limit; done += BATCH) {
      // the newest first: an open one is among them, and it must not send
      const ids = await place.store.ofNumberUntil(owner, numberHash, createdAt, left, BATCH);
      const erased = await Promise.all(ids.map((id) => eraseVerification(place, erasure, numberHash, id)));
      left += erased.filter((gone) => !gone).length;
      if (ids.length < BATCH) return left === 0;
    }
    return (await place.store.ofNumberUntil(owner, numberHash, createdAt, 0, 1)).length === 0;
  }

  return {
    read,

    /** Records that a number is to be erased: from now on it will be, whatever happens to this process. */
    async begin(owner: string, numberHash: string): Promise<ErasureId> {
      const id = newErasureId(slotOf(numberHash), deps.random);
      const now = Math.ceil(clock.now());
      const args = [id, owner, numberHash, now, now + deps.retentionMs];
      await runScript('beginErasure', [keys.erasure(id), keys.dueErasures], args);
      return id;
    },

    /** Erases some of what is left; ends the erasure when that was all. */
    async carryOn(id: ErasureId, limit = MAX_PER_PASS): Promise<void> {
      const erasure = await read(id);
      const numberHash = erasure?.numberHash ?? null;
      let complete = true;
      if (erasure && numberHash !== null) {
        for (const place of placesFor(id)) {
          complete = (await eraseIn(place, erasure, numberHash, limit)) && complete;
        }
      }
      if (complete) {
        await runScript('endErasure', [keys.erasure(id), keys.dueErasures], [id, Math.ceil(clock.now())]);
      }
    },

    /** Ids of erasures that are not complete, the oldest first; those that failed a moment ago are left out. */
    async pending(limit: number): Promise<ErasureId[]> {
      return (await redis.zrangebyscore(keys.dueErasures, '-inf', clock.now(), 'LIMIT', 0, limit)) as ErasureId[];
    },
  };
}
