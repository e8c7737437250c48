import { describe, expect, it } from 'vitest';
import { hashPassword, isPassword, type PasswordHash, parsePasswordHash } from '../../src/shared/password.ts';

const parsed = (text: string): PasswordHash => {
  const hash = parsePasswordHash(text);
  if (hash === undefined) throw new Error(`no hash: ${text}`);
  return hash;
};

describe('a password hash', () => {
  it('knows its password and no other', async () => {
    const hash = parsed(await hashPassword('correct horse'));

    expect(await isPassword('correct horse', hash)).toBe(true);
    expect(await isPassword('correct horse ', hash)).toBe(false);
    expect(await isPassword('', hash)).toBe(false);
  });

  it('differs each time, and does not hold the password', async () => {
    const [first, second] = [await hashPassword('correct horse'), await hashPassword('correct horse')];

    expect(first).not.toBe(second);
    expect(first).toMatch(/^scrypt\$32768\$8\$3\$[\w-]{22}\$[\w-]{43}$/);
  });

  it('knows a password however its letters were composed', async () => {
    expect(await isPassword('cafe\u0301', parsed(await hashPassword('caf\u00e9')))).toBe(true);
  });
});
