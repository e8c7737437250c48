import type { Logger } from 'pino';
import type { EpochMs } from './clock.ts';
import type { Decision, VerificationEvent } from './decide.ts';
import type { PartitionErrands } from './errands.ts';
import type { VerificationId } from './ids.ts';
import type { Metrics } from './metrics.ts';
import { currentOrigin, setOffBy } from './origin.ts';
import { logStory } from './story-log.ts';
import { sentence } from './story-words.ts';
import type { Verification } from './verification.ts';
import type { Change, Creation, PartitionVerificationStore, Stored, Update } from './verification-store.ts';

/** Verifications as both processes handle them: an event is decided and stored, then it is counted and told, and its errands are run. */
export interface Verifications {
  /**
   * Stores a new one; refused, naming the other one, when its owner has an open one for the number.
   *
   * @throws NotReplicatedError when too few replicas have it (`REDIS_WAIT_REPLICAS`); it is carried out if it survives.
   */
  create(decision: Decision, now: EpochMs): Promise<Creation>;
  /**
   * @returns undefined when there is no such verification.
   * @throws NotReplicatedError as `create`, for what is acted on at once.
   */
  update(id: VerificationId, event: VerificationEvent, known?: Stored): Promise<Update | undefined>;
  /** Resolves when the errands are run that nobody waits for. */
  settled(): Promise<unknown>;
  /** Drops the note that `id` is the number's open verification, when Redis lost the verification itself. */
  forgetActive(v: Verification, id: VerificationId): Promise<void>;
}

/** A person waits for the answer to a check: it is given as soon as the truth is stored, and the errands follow it. */
const ANSWERED_FIRST: ReadonlySet<VerificationEvent['type']> = new Set(['check_started', 'check_ended']);

/**
 * What is acted on as soon as it is stored, and can be asked for again. The rest has happened, confirmed by replicas or not;
 * its callbacks are confirmed before they leave.
 */
const ACTED_ON: ReadonlySet<VerificationEvent['type']> = new Set([
  'try_started',
  'attempt_requested',
  'check_started',
  'check_ended',
  'canceled',
]);

export function createVerifications(deps: {
  store: PartitionVerificationStore;
  errands: Pick<PartitionErrands, 'carryOut'>;
  metrics: Metrics;
  /** Whatever else a stored change is counted in. It must not fail: the change stands. */
  onChange: (change: Change) => Promise<void>;
  log: Logger;
}): Verifications {
  const following = new Set<Promise<void>>();

  function confirm(found: Update | Exclude<Creation, { kind: 'active' }>): Promise<boolean> {
    const confirmed = deps.store.confirm(found);
    confirmed.catch(() => {}); // awaited after the errands
    return confirmed;
  }

  async function follow(change: Change): Promise<void> {
    const { after, story } = change;
    deps.metrics.countChange(change);
    // whoever lets time do its work knows only from the record what set it off
    await setOffBy({ ...after.origin, ...currentOrigin() }, () => {
      logStory(deps.log, after, story, (fact) => sentence(fact, after));
      return Promise.all([deps.onChange(change), deps.errands.carryOut(change)]);
    });
  }

  function followLater(change: Change): void {
    const followed = follow(change)
      .catch((error: unknown) => {
        deps.log.error({ err: error, verification: change.after.id }, 'what follows from a check went wrong');
      })
      .finally(() => following.delete(followed));
    following.add(followed);
  }

  return {
    async create(decision, now) {
      for (;;) {
        const creation = await deps.store.create(decision, now);
        if (creation.kind === 'active') return creation;
        const confirmed = confirm(creation);
        if (creation.kind === 'created') await follow(creation.change);
        if (await confirmed) return creation;
      }
    },

    async update(id, event, known) {
      for (let found = known; ; found = undefined) {
        const update = await deps.store.update(id, event, found);
        if (update === undefined) return undefined;
        const confirmed = ACTED_ON.has(event.type) ? confirm(update) : true;
        if (update.change && ANSWERED_FIRST.has(event.type)) followLater(update.change);
        else if (update.change) await follow(update.change);
        if (await confirmed) return update;
      }
    },

    settled: () => Promise.all(following),

    forgetActive: (v, id) => deps.store.forgetActive(v, id),
  };
}
