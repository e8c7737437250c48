import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { AdminRole } from '../../shared/admin-user.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Keys } from '../../shared/keys.ts';

/** A session that nobody uses ends after this time. */
export const IDLE_MS = 30 * 60_000;
/** Every session ends after this time; the board asks every few seconds and would keep it for ever. */
export const ABSOLUTE_MS = 12 * 60 * 60_000;
/** How often the last use is noted at most. */
const NOTE_USE_MS = 60_000;

/** Who a session belongs to; what they may do is looked up anew with every request. */
const Identity = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('password'), name: z.string() }),
  z.object({
    kind: z.literal('oidc'),
    subject: z.string(),
    /** In lower case; null when the provider has not verified it. */
    email: z.string().nullable(),
    groups: z.array(z.string()),
  }),
]);
export type Identity = z.infer<typeof Identity>;

const Session = z.object({
  identity: Identity,
  /** MAC of what the sign-in was checked against: a session ends when the password is changed. */
  seal: z.string(),
  createdAt: z.number(),
  usedAt: z.number(),
});
type Session = z.infer<typeof Session>;

/** What an identity may do at this moment, and the secret that its sign-in depends on; undefined: nothing any more. */
export type Resolve = (identity: Identity) => { name: string; role: AdminRole; credential: string } | undefined;

interface Deps {
  redis: Redis;
  keys: Keys;
  clock: Clock;
  resolve: Resolve;
}

export type Sessions = ReturnType<typeof createSessions>;

/**
 * Keeps who is signed in. A session's token, 256 random bits, is known to its browser alone: Redis holds its hash, so that
 * whoever reads Redis cannot become an operator.
 */
export function createSessions({ redis, keys, clock, resolve }: Deps) {
  const keyOf = (token: string) => keys.adminSession(createHash('sha256').update(token).digest('hex'));
  // keyed by the token, which Redis does not hold: a plain password cannot be guessed from it
  const sealOf = (token: string, credential: string) =>
    createHmac('sha256', token).update(credential).digest('base64url');

  return {
    /** Starts a session; whatever session the browser had before ends. @returns the token for the cookie */
    async start(identity: Identity, previousToken: string | undefined): Promise<string> {
      const resolved = resolve(identity);
      if (resolved === undefined) throw new Error('a session needs somebody who may sign in');
      const token = randomBytes(32).toString('base64url');
      const now = clock.now();
      const session: Session = { identity, seal: sealOf(token, resolved.credential), createdAt: now, usedAt: now };
      await redis.set(keyOf(token), JSON.stringify(session), 'PX', IDLE_MS);
      if (previousToken !== undefined) await redis.del(keyOf(previousToken));
      return token;
    },

    /** Who a token belongs to; undefined when it is unknown, too old, or its owner may no longer come in. */
    async find(token: string): Promise<{ name: string; role: AdminRole } | undefined> {
      const key = keyOf(token);
      const text = await redis.get(key);
      if (text === null) return undefined;
      const session = Session.parse(JSON.parse(text));
      const now = clock.now();
      if (now >= session.usedAt + IDLE_MS || now >= session.createdAt + ABSOLUTE_MS) return undefined;
      const resolved = resolve(session.identity);
      if (resolved === undefined || sealOf(token, resolved.credential) !== session.seal) return undefined;
      if (now >= session.usedAt + NOTE_USE_MS) {
        // only if it is still there: a sign-out meanwhile holds
        await redis.set(key, JSON.stringify({ ...session, usedAt: now }), 'PX', IDLE_MS, 'XX');
      }
      return { name: resolved.name, role: resolved.role };
    },

    /** Ends a session for good, whoever still has its token. */
    async end(token: string): Promise<void> {
      await redis.del(keyOf(token));
    },
  };
}
