/** What somebody signed in to `/admin` may do: a `viewer` looks, an `operator` also acts. */
export type AdminRole = 'viewer' | 'operator';

/** Somebody who signs in to `/admin` with a password, plain or as a scrypt hash. */
export interface AdminUser {
  name: string;
  role: AdminRole;
  password: string;
}

/** Where people sign in who have an account with somebody else (OpenID Connect). */
export interface OidcSettings {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Origin that browsers reach the API under; the provider sends them back to it. */
  publicUrl: string;
  /** Who has which role: verified e-mail addresses in lower case, and `group:` with the name of a group. */
  members: Record<AdminRole, readonly string[]>;
  /** The claim that lists somebody's groups. */
  groupsClaim: string;
}
