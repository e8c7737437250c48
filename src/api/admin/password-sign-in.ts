import type { Logger } from 'pino';
import type { AdminUser } from '../../shared/admin-user.ts';
import type { CheckPassword } from './check-password.ts';
import type { LockOut, Origin } from './lock-out.ts';

export type SignInResult = { kind: 'right'; user: AdminUser } | { kind: 'wrong' } | { kind: 'locked'; waitMs: number };

export type PasswordSignIn = ReturnType<typeof createPasswordSignIn>;

interface Deps {
  lockOut: LockOut;
  checkPassword: CheckPassword;
  log: Logger;
}

/** Builds the check of a password behind the lock-out, for the form and for HTTP Basic alike. */
export function createPasswordSignIn({ lockOut, checkPassword, log }: Deps) {
  /** @param newDevice - a token for the browser, by which it is known from now on. */
  return (name: string, password: string, origin: Origin, newDevice?: string): Promise<SignInResult> =>
    lockOut.inTurn(origin, async () => {
      const attempt = await lockOut.begin(name, origin);
      if (!attempt.admitted) return { kind: 'locked', waitMs: attempt.waitMs };
      const user = await checkPassword(name, password);
      if (user === undefined) {
        log.warn('a sign-in to /admin failed'); // without the name, which may be a password in the wrong field
        return { kind: 'wrong' };
      }
      await attempt.wasRight(newDevice);
      return { kind: 'right', user };
    });
}
