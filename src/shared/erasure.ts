import type { EpochMs } from './clock.ts';
import type { ErasureId } from './ids.ts';

/** One request to erase a number, as it is stored. */
export interface Erasure {
  id: ErasureId;
  owner: string;
  /** Keyed hash of the number; null once there is nothing left to find by it. */
  numberHash: string | null;
  createdAt: EpochMs;
  completedAt: EpochMs | null;
  erased: { verifications: number; canceled: number; callbacks: number; answers: number };
}

/** An erasure as the API shows it; of the number it tells nothing. */
export function erasureView({ id, createdAt, completedAt, erased }: Erasure) {
  return {
    id,
    object: 'erasure' as const,
    status: completedAt === null ? ('pending' as const) : ('complete' as const),
    erased,
    created_at: new Date(createdAt).toISOString(),
    completed_at: completedAt === null ? null : new Date(completedAt).toISOString(),
  };
}
export type ErasureView = ReturnType<typeof erasureView>;
