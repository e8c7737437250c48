import { fileURLToPath } from 'node:url';
import { type RequestHandler, Router } from 'express';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { AuditLog } from '../../shared/audit-log.ts';
import type { Clock } from '../../shared/clock.ts';
import type { Config } from '../../shared/config.ts';
import { contentSecurityPolicy } from '../../shared/content-security-policy.ts';
import type { Keys } from '../../shared/keys.ts';
import type { Partition } from '../../shared/partitioned.ts';
import type { RunScript } from '../../shared/redis-scripts.ts';
import { setHeaders } from '../set-headers.ts';
import { createCheckPassword } from './check-password.ts';
import { createLockOut } from './lock-out.ts';
import { createOidc } from './oidc.ts';
import { createOidcPages } from './oidc-pages.ts';
import { createPasswordSignIn } from './password-sign-in.ts';
import { createQueueBoard } from './queue-board.ts';
import { requireRole } from './role.ts';
import { createSessions, type Resolve } from './sessions.ts';
import { createSignInGuard, createSignInPages, refuseForged } from './sign-in.ts';

const STYLE = fileURLToPath(new URL('./pages.css', import.meta.url));

interface Deps {
  admin: NonNullable<Config['admin']>;
  redis: Redis;
  runScript: RunScript;
  keys: Keys;
  clock: Clock;
  partitions: readonly Partition[];
  audit: Pick<AuditLog, 'record'>;
  /** The operator's console. */
  console: RequestHandler;
  log: Logger;
}

/** Builds `/admin`: the sign-in, and behind it what operators see. */
export function createAdmin({
  admin,
  redis,
  runScript,
  keys,
  clock,
  partitions,
  audit,
  console,
  log,
}: Deps): RequestHandler {
  const { users } = admin;
  const oidc = admin.oidc && createOidc(admin.oidc);
  const resolve: Resolve = (identity) => {
    if (identity.kind === 'oidc') {
      const role = oidc?.roleOf(identity);
      // marked, so that nobody takes the name of somebody with a password
      return oidc && role && { name: `oidc:${identity.email ?? identity.subject}`, role, credential: oidc.credential };
    }
    const user = users.find(({ name }) => name === identity.name);
    return user && { name: user.name, role: user.role, credential: user.password };
  };
  const sessions = createSessions({ redis, keys, clock, resolve });
  const lockOut = createLockOut({ redis, runScript, keys, clock });
  const signIn = createPasswordSignIn({ lockOut, checkPassword: createCheckPassword({ users }), log });

  const router = Router();
  router.use(
    setHeaders({
      'content-security-policy': contentSecurityPolicy({
        'style-src': "'self'",
        'img-src': 'data:',
        'form-action': "'self'",
      }),
      // our own pages tell each other, and no other site, where somebody came from
      'referrer-policy': 'same-origin',
      'cache-control': 'no-store',
    }),
  );
  router.get('/pages.css', (_request, response) => {
    response.sendFile(STYLE, { cacheControl: false });
  });
  const ways = { password: users.length > 0, oidc: oidc !== undefined };
  router.use(createSignInPages({ sessions, signIn, audit, ways }));
  if (oidc) router.use(createOidcPages({ oidc, sessions, resolve, audit, log }));
  router.use(createSignInGuard({ sessions, signIn }), refuseForged, requireRole('viewer'));
  router.use('/queues', createQueueBoard({ partitions, audit }));
  router.use(console);
  return router;
}
