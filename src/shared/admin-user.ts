/** What somebody signed in to `/admin` may do: a `viewer` looks, an `operator` also acts. */
export type AdminRole = 'viewer' | 'operator';

/** Somebody who signs in to `/admin` with a password, plain or as a scrypt hash. */
export interface AdminUser {
  name: string;
  role: AdminRole;
  password: string;
}
