import { randomBytes } from 'node:crypto';

/**
 * Ids are opaque to clients. Each starts with its kind and two hex digits, the slot of the verification it belongs to
 * (one of 256, from a keyed hash of the number), so that any id leads to the keys of its partition.
 */
export type VerificationId = `ver_${string}`;
export type AttemptId = `att_${string}`;
export type EventId = `evt_${string}`;
export type CallbackId = `cb_${string}`;
export type ErasureId = `era_${string}`;

/** Where the random part of ids and tokens comes from; a test may pass its own. */
export type RandomHex = (bytes: number) => string;

const POOL_BYTES = 4_096;
let pool = Buffer.alloc(0);

/** From the system's cryptographic source, fetched in bulk: one visit for each token would cost more than the rest of it. */
export const randomHex: RandomHex = (bytes) => {
  if (pool.length < bytes) pool = randomBytes(Math.max(bytes, POOL_BYTES));
  const hex = pool.toString('hex', 0, bytes);
  pool = pool.subarray(bytes);
  return hex;
};

const VERIFICATION_ID = /^ver_[0-9a-f]{34}$/;
const CALLBACK_ID = /^cb_[0-9a-f]{34}$/;
const ERASURE_ID = /^era_[0-9a-f]{34}$/;

/** Whether a string has the form of a verification's id; anything else cannot name one and is answered as not found. */
export function isVerificationId(text: string): text is VerificationId {
  return VERIFICATION_ID.test(text);
}

/** Whether a string has the form of a callback's id. */
export function isCallbackId(text: string): text is CallbackId {
  return CALLBACK_ID.test(text);
}

/** Whether a string has the form of an erasure's id. */
export function isErasureId(text: string): text is ErasureId {
  return ERASURE_ID.test(text);
}

/** The slot (`00` to `ff`) that an id of any kind carries behind its prefix. */
export function slotOfId(id: VerificationId | AttemptId | EventId | CallbackId | ErasureId): string {
  const start = id.indexOf('_') + 1;
  return id.slice(start, start + 2);
}

/** A new verification's id. @param slot - two hex digits, see {@link slotOfId}. */
export function newVerificationId(slot: string, random: RandomHex): VerificationId {
  return `ver_${slot}${random(16)}`;
}

/**
 * The id of a verification's n-th attempt (counting from 0). It follows from the verification, so that the pure
 * `decide` needs no randomness and a repeated decision names the same attempt.
 */
export function attemptIdOf(verification: VerificationId, n: number): AttemptId {
  return `att_${verification.slice('ver_'.length)}${n.toString(16).padStart(2, '0')}`;
}

/** A new event's id: random, so that a `sequence` that Redis lost and that is given again comes under a new one. */
export function newEventId(verification: VerificationId, random: RandomHex): EventId {
  return `evt_${slotOfId(verification)}${random(16)}`;
}

/** A new erasure's id. @param slot - that of the number, see {@link slotOfId}. */
export function newErasureId(slot: string, random: RandomHex): ErasureId {
  return `era_${slot}${random(16)}`;
}

/** A new callback's id. */
export function newCallbackId(verification: VerificationId, random: RandomHex): CallbackId {
  return `cb_${slotOfId(verification)}${random(16)}`;
}
