import { fileURLToPath } from 'node:url';
import { type RequestHandler, Router } from 'express';
import helmet from 'helmet';
import type { Redis } from 'ioredis';
import type { Clock } from '../../shared/clock.ts';
import type { Config } from '../../shared/config.ts';
import type { Keys } from '../../shared/keys.ts';
import type { Queues } from '../../shared/queues.ts';
import type { RunScript } from '../../shared/redis-scripts.ts';
import { createCheckPassword } from './check-password.ts';
import { createLockOut } from './lock-out.ts';
import { createPasswordSignIn } from './password-sign-in.ts';
import { createQueueBoard } from './queue-board.ts';
import { requireRole } from './role.ts';
import { createSessions, type Identity } from './sessions.ts';
import { createSignInGuard, createSignInPages, refuseForged } from './sign-in.ts';

const STYLE = fileURLToPath(new URL('./pages.css', import.meta.url));

/** Where it is written down who did what. */
export interface AdminAudit {
  record(entry: { actor: string; action: string; subject?: string; data?: Record<string, unknown> }): Promise<unknown>;
}

interface Deps {
  admin: NonNullable<Config['admin']>;
  redis: Redis;
  runScript: RunScript;
  keys: Keys;
  clock: Clock;
  queues: Queues;
  audit: AdminAudit;
}

/** Builds `/admin`: the sign-in, and behind it what operators see. */
export function createAdmin({ admin, redis, runScript, keys, clock, queues, audit }: Deps): RequestHandler {
  const { users } = admin;
  const resolve = ({ name }: Identity) => {
    const user = users.find((candidate) => candidate.name === name);
    return user && { name, role: user.role, credential: user.password };
  };
  const sessions = createSessions({ redis, keys, clock, resolve });
  const lockOut = createLockOut({ redis, runScript, keys, clock });
  const signIn = createPasswordSignIn({ lockOut, checkPassword: createCheckPassword({ users }) });

  const router = Router();
  router.use(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          styleSrc: ["'self'"],
          imgSrc: ['data:'],
          baseUri: ["'none'"],
          formAction: ["'self'"],
          frameAncestors: ["'none'"],
        },
      },
      // an older page of another site must not be told which of ours somebody came from
      referrerPolicy: { policy: 'same-origin' },
    }),
    (_request, response, next) => {
      response.set('cache-control', 'no-store');
      next();
    },
  );
  router.get('/pages.css', (_request, response) => {
    response.sendFile(STYLE, { cacheControl: false });
  });
  router.use(createSignInPages({ sessions, signIn, audit }));
  router.use(createSignInGuard({ sessions, signIn }), refuseForged, requireRole('viewer'));
  router.get('/', (_request, response) => {
    response.redirect('/admin/queues');
  });
  router.use('/queues', createQueueBoard({ queues, audit }));
  return router;
}
