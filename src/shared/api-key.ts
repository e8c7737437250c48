import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';

/** What a key may do. A key from the environment may do all of it. */
export const SCOPES = ['verifications:write', 'verifications:read', 'callbacks:manage', 'erasure:write'] as const;
export const Scope = z.enum(SCOPES);
export type Scope = z.infer<typeof Scope>;

/** The names that own what is made with their keys. */
export const KEY_NAME = /^[\w.-]{1,64}$/;

/**
 * An API key as it is stored. The hash is a plain SHA-256: a slow hash is for what people choose and others can guess; of
 * 256 random bits nobody tries a noticeable part, and every request would pay for it.
 */
export const ApiKey = z.object({
  id: z.string(),
  /** Who owns what is made with it; a name has several keys while they are exchanged. */
  name: z.string(),
  scopes: z.array(Scope),
  /** SHA-256 of the secret, hex. */
  hash: z.string(),
  createdAt: z.number(),
  /** Epoch ms from which on it is not taken any more; null: it stays. */
  expiresAt: z.number().nullable(),
  revokedAt: z.number().nullable(),
  /** The last day it was used on, UTC, `YYYY-MM-DD`. */
  lastUsedDay: z.string().nullable(),
});
export type ApiKey = z.infer<typeof ApiKey>;

/** Why a key is not taken any more; undefined: it is. */
export function endOf(key: ApiKey, now: number): 'revoked' | 'expired' | undefined {
  if (key.revokedAt !== null) return 'revoked';
  return key.expiresAt !== null && now >= key.expiresAt ? 'expired' : undefined;
}

/** A new key's parts; `text` is what its owner is given, once. */
export function newKeyParts(): { id: string; hash: string; text: string } {
  const id = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('base64url');
  return { id, hash: hashSecret(secret).toString('hex'), text: `rk_${id}_${secret}` };
}

/** Takes `rk_<id>_<secret>` apart; undefined when it cannot be one of our keys. */
export function parseKeyText(text: string): { id: string; secret: string } | undefined {
  const [, id, secret] = /^rk_([0-9a-f]{16})_([\w-]{43})$/.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
