import { describe, expect, it } from 'vitest';
import { createCheckPassword } from '../../../src/api/admin/check-password.ts';
import type { AdminUser } from '../../../src/shared/admin-user.ts';
import { isPassword, type PasswordHash } from '../../../src/shared/password.ts';
import { PASSWORD, PASSWORD_HASH } from './admin-client.ts';

const PLAIN: AdminUser = { name: 'plain', role: 'operator', password: 'another-password' };
const HASHED: AdminUser = { name: 'hashed', role: 'viewer', password: PASSWORD_HASH };

function checkThatCounts(users: AdminUser[]) {
  let slow = 0;
  const check = createCheckPassword({
    users,
    compareHashed: (password: string, hash: PasswordHash) => {
      slow += 1;
      return isPassword(password, hash);
    },
  });
  return { check, slow: () => slow };
}

describe('the check of a password', () => {
  it('finds the user', async () => {
    const { check } = checkThatCounts([PLAIN, HASHED]);

    expect(await check('plain', 'another-password')).toBe(PLAIN);
    expect(await check('hashed', PASSWORD)).toBe(HASHED);
  });

  it.each([
    ['plain', PASSWORD],
    ['hashed', 'another-password'],
    ['hashed', PASSWORD_HASH],
    ['nobody', PASSWORD],
    ['nobody', ''],
    ['', ''],
    ['__proto__', ''],
  ])('finds nobody for %s with %s', async (name, password) => {
    expect(await checkThatCounts([PLAIN, HASHED]).check(name, password)).toBeUndefined();
  });

  it('does the same work for a wrong password of anybody and for a name that nobody has', async () => {
    for (const name of ['plain', 'hashed', 'nobody']) {
      const { check, slow } = checkThatCounts([PLAIN, HASHED]);
      await check(name, 'wrong');
      expect([name, slow()]).toEqual([name, 1]);
    }
  });

  it('does the slow work once for a password that was right, and for each one that was wrong', async () => {
    const { check, slow } = checkThatCounts([HASHED]);
    for (let i = 0; i < 3; i++) await check('hashed', PASSWORD);
    expect(slow()).toBe(1);
    await check('hashed', 'wrong');
    await check('nobody', PASSWORD);
    expect(slow()).toBe(3);
  });
});
