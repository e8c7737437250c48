import { createHash, timingSafeEqual } from 'node:crypto';
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { ExpressAdapter } from '@bull-board/express';
import { type RequestHandler, Router } from 'express';
import helmet from 'helmet';
import { QUEUE_NAMES, type Queues } from '../shared/queues.ts';
import { refuseCrossSite } from './same-origin.ts';

const BASE_PATH = '/admin/queues';
const DESCRIPTIONS = {
  verifications: 'Alarm clocks: one job per open verification, delayed until its next deadline.',
  sms: 'One job per text; its retries are the tries.',
  call: 'One job per call; its retries are the tries.',
  callbacks: 'One job per callback; its retries are the deliveries.',
} as const;

interface Deps {
  queues: Queues;
  admin: { user: string; password: string };
}

/**
 * Bull Board behind a sign-in. An operator may do anything to the jobs: the stored verifications are the truth, and what
 * is deleted or run again by hand changes nothing about them. Jobs hold no number and no code, so nothing has to be hidden.
 */
export function createQueueBoard({ queues, admin }: Deps): RequestHandler {
  const adapter = new ExpressAdapter();
  adapter.setBasePath(BASE_PATH);
  createBullBoard({
    serverAdapter: adapter,
    queues: QUEUE_NAMES.map((name) => new BullMQAdapter(queues[name], { description: DESCRIPTIONS[name] })),
    options: {
      uiConfig: { boardTitle: 'Ringback', hideDocsLink: true },
    },
  });
  const board = adapter.getRouter();
  board.disable('x-powered-by');

  const router = Router();
  router.use(
    helmet({
      contentSecurityPolicy: {
        // the board loads a font from Google; it is blocked, and the page is fine without
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          scriptSrc: ["'self'"],
          styleSrc: ["'self'", "'unsafe-inline'"],
          imgSrc: ["'self'", 'data:'],
          fontSrc: ["'self'"],
          connectSrc: ["'self'"],
          baseUri: ["'self'"],
          formAction: ["'self'"],
          frameAncestors: ["'none'"],
        },
      },
    }),
    createSignIn(admin),
    refuseCrossSite,
    board,
  );
  return router;
}

/** HTTP Basic sign-in; user and password are compared in constant time. */
function createSignIn({ user, password }: Deps['admin']): RequestHandler {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  const wanted = digest(`${user}:${password}`);
  return (request, response, next) => {
    const [, encoded = ''] = /^Basic +(\S+) *$/i.exec(request.get('authorization') ?? '') ?? [];
    const given = digest(Buffer.from(encoded, 'base64').toString('utf8'));
    if (timingSafeEqual(given, wanted)) {
      response.set('cache-control', 'no-store');
      return next();
    }
    response
      .set('www-authenticate', 'Basic realm="Ringback", charset="UTF-8"')
      .status(401)
      .type('text/plain')
      .send('Sign in to see the queues.\n');
  };
}
