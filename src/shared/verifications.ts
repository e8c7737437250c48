import type { EpochMs } from './clock.ts';
import type { Decision, VerificationEvent } from './decide.ts';
import type { PartitionErrands } from './errands.ts';
import type { VerificationId } from './ids.ts';
import type { Metrics } from './metrics.ts';
import type { Verification } from './verification.ts';
import type { Change, Creation, PartitionVerificationStore, Stored, Update } from './verification-store.ts';

/** Verifications as both processes handle them: an event is decided and stored, then its errands are run. */
export interface Verifications {
  /** Stores a new one; refused, naming the other one, when its owner has an open one for the number. */
  create(decision: Decision, now: EpochMs): Promise<Creation>;
  /** @returns undefined when there is no such verification. */
  update(id: VerificationId, event: VerificationEvent, known?: Stored): Promise<Update | undefined>;
  /** Drops the note that `id` is the number's open verification, when Redis lost the verification itself. */
  forgetActive(v: Verification, id: VerificationId): Promise<void>;
}

export function createVerifications(deps: {
  store: PartitionVerificationStore;
  errands: Pick<PartitionErrands, 'carryOut'>;
  metrics: Metrics;
  /** Whatever else a stored change is counted in. It must not fail: the change stands. */
  onChange: (change: Change) => Promise<void>;
}): Verifications {
  async function follow(change: Change): Promise<void> {
    deps.metrics.countChange(change);
    await Promise.all([deps.onChange(change), deps.errands.carryOut(change)]);
  }

  return {
    async create(decision, now) {
      const creation = await deps.store.create(decision, now);
      if (creation.kind === 'created') await follow(creation.change);
      return creation;
    },

    async update(id, event, known) {
      const update = await deps.store.update(id, event, known);
      if (update?.change) await follow(update.change);
      return update;
    },

    forgetActive: (v, id) => deps.store.forgetActive(v, id),
  };
}
