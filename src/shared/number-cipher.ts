import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { VerificationId } from './ids.ts';

/** One entry of `ENCRYPTION_KEYS`: its id stands in everything that it sealed, so that the key is found again. */
export interface EncryptionKey {
  id: string;
  /** 32 bytes. */
  key: Buffer;
}

/** Keeps the full number of a verification unreadable for whoever has Redis without the keys. */
export interface NumberCipher {
  /** What to store in place of a full number: sealed with the first key, or the number itself when there is no key. */
  seal(number: string, id: VerificationId): string;
  /**
   * The number that was stored. One that no key opens stays sealed: see {@link isSealed}. Nothing but the number depends
   * on it, so that such a verification can still be read with its number masked, canceled, and erased.
   */
  open(stored: string, id: VerificationId): string;
}

const PREFIX = 'sealed:';
const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Builds the cipher: AES-256-GCM with a random 96-bit nonce for every write. The verification's id is authenticated
 * with it, so that a number cannot be moved to another verification.
 *
 * @param ring - the first key seals, all of them open.
 */
export function createNumberCipher(ring: readonly EncryptionKey[], log: Logger): NumberCipher {
  const keys = new Map(ring.map(({ id, key }) => [id, key]));
  const [current] = ring;
  const reported = new Set<string>();

  return {
    seal(number, id) {
      if (current === undefined || isSealed(number)) return number;
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv('aes-256-gcm', current.key, iv, { authTagLength: TAG_BYTES });
      cipher.setAAD(Buffer.from(id));
      const sealed = Buffer.concat([cipher.update(number, 'utf8'), cipher.final()]);
      return `${PREFIX}${current.id}:${Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url')}`;
    },

    open(stored, id) {
      if (!isSealed(stored)) return stored;
      const key = keys.get(keyIdOf(stored));
      const number = key && decrypt(key, Buffer.from(stored.slice(stored.lastIndexOf(':') + 1), 'base64url'), id);
      if (number !== undefined) return number;
      if (!reported.has(keyIdOf(stored))) log.error({ verification: id }, explainSealed(stored)); // once, not for each of them
      reported.add(keyIdOf(stored));
      return stored;
    },
  };
}

/** Whether this is a number that no key of this process opens. */
export function isSealed(number: string): boolean {
  return number.startsWith(PREFIX);
}

/** What is wrong with a number that stays sealed, and the remedy, for the operator. */
export function explainSealed(stored: string): string {
  const id = JSON.stringify(keyIdOf(stored));
  return `a number was sealed with the key ${id}, which is missing or another one: put the right key ${id} back into ENCRYPTION_KEYS, behind the first`;
}

function keyIdOf(stored: string): string {
  return stored.slice(PREFIX.length, stored.lastIndexOf(':'));
}

/** @returns undefined when it is not what this key sealed for this verification. */
function decrypt(key: Buffer, sealed: Buffer, id: VerificationId): string | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(id)).setAuthTag(sealed.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
    return decipher.update(sealed.subarray(IV_BYTES + TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    return undefined;
  }
}
