import { type AttemptId, type CallbackId, type ErasureId, slotOfId, type VerificationId } from './ids.ts';

/** How many slots ids tell of; `PARTITIONS` groups them. */
const SLOTS = 256;

/** The first of a partition's slots, in hex: "0", "40", "80". A partition keeps its name when others are split off. */
export type PartitionName = string;

/** The one that is always there; what belongs to no number is kept in it. */
export const ROOT_PARTITION: PartitionName = '0';

/** All partitions. @param count - a power of two up to 256. */
export function partitionNames(count: number): PartitionName[] {
  return Array.from({ length: count }, (_, i) => nameAt((i * SLOTS) / count));
}

/**
 * Where what carries an id may be kept: its partition, then those that it may have been made in when there were fewer.
 *
 * @param count - partitions there are now.
 */
export function placesOf(id: VerificationId | AttemptId | CallbackId | ErasureId, count: number): PartitionName[] {
  const slot = Number.parseInt(slotOfId(id), 16);
  const places: PartitionName[] = [];
  for (let n = count; n >= 1; n /= 2) {
    const size = SLOTS / n;
    places.push(nameAt(Math.floor(slot / size) * size));
  }
  return [...new Set(places)];
}

const nameAt = (slot: number): PartitionName => slot.toString(16);
