import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AdminUser } from '../../shared/admin-user.ts';
import { isPassword, type PasswordHash, parsePasswordHash } from '../../shared/password.ts';

export type CheckPassword = (name: string, password: string) => Promise<AdminUser | undefined>;

interface Deps {
  users: readonly AdminUser[];
  /** A test counts these. */
  compareHashed?: typeof isPassword;
}

const digest = (text: string) => createHash('sha256').update(text).digest();

/**
 * Builds the check of a name and password. An unknown name costs the same work as a known one, hashed or not, so that the
 * time to answer does not tell who exists. A password that was right is remembered, as a MAC under a key of this process:
 * a script that sends its password with every request should not pay for the slow hash each time.
 */
export function createCheckPassword({ users, compareHashed = isPassword }: Deps): CheckPassword {
  const byName = new Map(users.map((user) => [user.name, { user, hashed: parsePasswordHash(user.password) }]));
  const decoy: PasswordHash | undefined = [...byName.values()].find(({ hashed }) => hashed)?.hashed;
  const nobody = { user: undefined, hashed: undefined };
  const processKey = randomBytes(32);
  const lastRight = new Map<string, Buffer>();

  return async (name, password) => {
    const mac = createHmac('sha256', processKey).update(`${name.length}:${name}${password}`).digest();
    const { user, hashed } = byName.get(name) ?? nobody;
    if (user && timingSafeEqual(lastRight.get(name) ?? Buffer.alloc(mac.length), mac)) return user;

    const plainMatches = timingSafeEqual(digest(user?.password ?? randomBytes(16).toString('hex')), digest(password));
    const slow = hashed ?? decoy;
    const hashMatches = slow !== undefined && (await compareHashed(password, slow));
    if (user === undefined || !(hashed ? hashMatches : plainMatches)) return undefined;
    lastRight.set(name, mac);
    return user;
  };
}
