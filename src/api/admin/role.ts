import type { RequestHandler, Response } from 'express';
import type { AdminRole } from '../../shared/admin-user.ts';
import { ProblemError } from '../problems.ts';

/** Who signed in to `/admin`, and how the request says so. */
export interface CurrentUser {
  name: string;
  role: AdminRole;
  via: 'session' | 'basic';
}

const RANK = { viewer: 0, operator: 1 } satisfies Record<AdminRole, number>;

/** Whether a user may do what takes this role: an operator may do all that a viewer may. */
export function hasRole(user: CurrentUser, role: AdminRole): boolean {
  return RANK[user.role] >= RANK[role];
}

/** Lets only users with this role on; to be mounted behind the sign-in. */
export function requireRole(role: AdminRole): RequestHandler {
  return (_request, response, next) => {
    if (!hasRole(currentUser(response), role)) {
      throw new ProblemError('forbidden', `this takes the role ${role}; yours is ${currentUser(response).role}`);
    }
    next();
  };
}

/** Who the request comes from; only for handlers behind the sign-in. @throws when there is no sign-in before it. */
export function currentUser(response: Response): CurrentUser {
  const user = response.locals['adminUser'] as CurrentUser | undefined;
  if (user === undefined) throw new Error('there is no sign-in before this handler');
  return user;
}

export function setCurrentUser(response: Response, user: CurrentUser): void {
  response.locals['adminUser'] = user;
  response.set('cache-control', 'no-store');
}
