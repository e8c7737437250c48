import type { VerificationEvent } from '../shared/decide.ts';
import { isVerificationId, type VerificationId } from '../shared/ids.ts';
import type { Stored, Update, VerificationStore } from '../shared/verification-store.ts';
import type { Verifications } from '../shared/verifications.ts';
import { ProblemError } from './problems.ts';
import { createSharedLooks } from './shared-looks.ts';

export type FindVerification = ReturnType<typeof createFindVerification>;

/** Builds access to the verifications of one key name: another's, a malformed id and an unknown one are all not found. */
export function createFindVerification({
  store,
  verifications,
}: {
  store: VerificationStore;
  verifications: Verifications;
}) {
  const missing = () => new ProblemError('not-found', 'there is no such verification');

  async function find(id: unknown, owner: string): Promise<Stored> {
    if (typeof id !== 'string' || !isVerificationId(id)) throw missing();
    const stored = await store.read(id);
    if (stored?.verification.owner !== owner) throw missing();
    return stored;
  }

  const look = createSharedLooks((id) => verifications.update(id as VerificationId, { type: 'tick' }));

  async function updateKnown(known: Stored, event: VerificationEvent): Promise<Update> {
    const update = await verifications.update(known.verification.id, event, known);
    if (update === undefined) throw missing();
    return update;
  }

  return {
    find,

    /** Decides an event on a verification of this owner. @throws {ProblemError} `not-found` */
    update: async (id: unknown, owner: string, event: VerificationEvent): Promise<Update> =>
      updateKnown(await find(id, owner), event),

    /** A verification of this owner after time has had its say; many who look at the same one share the look. */
    async look(id: unknown, owner: string): Promise<Stored> {
      if (typeof id !== 'string' || !isVerificationId(id)) throw missing();
      const update = await look(id);
      if (update?.stored.verification.owner !== owner) throw missing();
      return update.stored;
    },

    /** As `update`, for one that was found a moment ago: it is read again only when it is no longer the truth. */
    updateKnown,
  };
}
