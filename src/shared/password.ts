import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/**
 * A password as `scrypt$N$r$p$salt$hash`, salt and hash in base64url (RFC 7914): cost, block size, parallelism.
 * A password that a person has chosen needs a slow hash; a random API key does not.
 */
export interface PasswordHash {
  cost: number;
  blockSize: number;
  parallelism: number;
  salt: Buffer;
  hash: Buffer;
}

/** One of OWASP's recommended settings for scrypt: 32 MiB, about a quarter of a second. */
const COST = 2 ** 15;
const BLOCK_SIZE = 8;
const PARALLELISM = 3;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** What one check may take at most; a hash that asks for more is refused at the start. */
const MAX_MEMORY = 256 * 2 ** 20;

/** What every password hash starts with. */
export const HASH_PREFIX = 'scrypt$';

/** Hashes a password for the configuration. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const settings = {
    cost: COST,
    blockSize: BLOCK_SIZE,
    parallelism: PARALLELISM,
    salt,
    hash: Buffer.alloc(HASH_BYTES),
  };
  const hash = await derive(password, settings);
  const texts = [salt, hash].map((bytes) => bytes.toString('base64url'));
  return `${HASH_PREFIX}${[COST, BLOCK_SIZE, PARALLELISM, ...texts].join('$')}`;
}

/** Reads a hash; undefined when it is none, is weaker than it should be, or would take too much memory. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, n, r, p, salt = '', hash = ''] =
    /^scrypt\$(\d{1,8})\$(\d{1,2})\$(\d{1,2})\$([\w-]{16,128})\$([\w-]{43,128})$/.exec(text) ?? [];
  const [cost, blockSize, parallelism] = [Number(n), Number(r), Number(p)];
  const fits = cost >= 2 ** 14 && Number.isInteger(Math.log2(cost)) && blockSize >= 8 && parallelism >= 1;
  if (!fits || 128 * cost * blockSize > MAX_MEMORY) return undefined;
  return {
    cost,
    blockSize,
    parallelism,
    salt: Buffer.from(salt, 'base64url'),
    hash: Buffer.from(hash, 'base64url'),
  };
}

/** Whether a password is the one that was hashed; compared in constant time. */
export async function isPassword(password: string, hashed: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, hashed), hashed.hash);
}

function derive(password: string, { cost, blockSize, parallelism, salt, hash }: PasswordHash): Promise<Buffer> {
  const options = { cost, blockSize, parallelization: parallelism, maxmem: MAX_MEMORY + 2 ** 20 };
  return new Promise((resolve, reject) => {
    // the same text may be typed in several Unicode forms
    scrypt(password.normalize('NFKC'), salt, hash.length, options, (error, key) =>
      error ? reject(error) : resolve(key),
    );
  });
}
