import { randomBytes } from 'node:crypto';
import express, { type Request, type RequestHandler, type Response, Router } from 'express';
import type { AuditLog } from '../../shared/audit-log.ts';
import { ProblemError } from '../problems.ts';
import { isSameOrigin, refuseCrossSite } from '../same-origin.ts';
import {
  clearSessionCookie,
  readDeviceCookie,
  readSessionCookie,
  setDeviceCookie,
  setSessionCookie,
} from './cookies.ts';
import { KNOWN_MS, type Origin } from './lock-out.ts';
import { goOnPage, notKeptPage, signInPage, signOutPage, type Ways } from './pages.ts';
import type { PasswordSignIn } from './password-sign-in.ts';
import { pathWithin } from './path-within.ts';
import { setCurrentUser } from './role.ts';
import type { Sessions } from './sessions.ts';
import { WORDS } from './words.ts';

const readForm = express.urlencoded({ extended: false, limit: '4kb', parameterLimit: 8 });

interface Deps {
  sessions: Sessions;
  signIn: PasswordSignIn;
  audit: Pick<AuditLog, 'record'>;
  /** What the sign-in page offers. */
  ways: Ways;
}

/** The pages that somebody uses to sign in to `/admin` and out again. */
export function createSignInPages({ sessions, signIn, audit, ways }: Deps): Router {
  const router = Router();

  router.get('/sign-in', async (request, response) => {
    const next = pathWithin(request.query['next']);
    if (request.get('sec-fetch-site') === 'cross-site' && readSessionCookie(request) === undefined) {
      return void response.type('html').send(goOnPage(`/admin/sign-in?next=${encodeURIComponent(next)}`));
    }
    if (await sessionOf(request, sessions)) return response.redirect(303, next);
    const notice = request.query['signed-out'] === undefined ? {} : { notice: WORDS.signOut.done };
    response.type('html').send(signInPage({ next, ways, ...notice }));
  });

  router.post('/sign-in', refuseCrossSite, readForm, async (request, response) => {
    const form = (request.body ?? {}) as Record<string, unknown>;
    const next = pathWithin(form['next']);
    const [user, password] = [textOf(form['user']), textOf(form['password'])];
    const device = randomBytes(16).toString('base64url');
    const result = await signIn(user, password, originOf(request), device);
    if (result.kind === 'right') {
      const token = await sessions.start({ kind: 'password', name: user }, readSessionCookie(request));
      await audit.record({ actor: user, action: 'admin.signed-in' });
      setSessionCookie(response, token);
      setDeviceCookie(response, device, KNOWN_MS);
      return response.redirect(303, `/admin/signed-in?next=${encodeURIComponent(next)}`);
    }
    if (result.kind === 'locked') response.set('retry-after', String(Math.ceil(result.waitMs / 1000)));
    const alert = result.kind === 'wrong' ? WORDS.signIn.wrong : WORDS.signIn.locked(Math.ceil(result.waitMs / 60_000));
    response
      .status(result.kind === 'wrong' ? 401 : 429)
      .type('html')
      .send(signInPage({ next, ways, user, alert }));
  });

  // where a sign-in leads first: if the cookie did not come back, this page says why
  router.get('/signed-in', async (request, response) => {
    const next = pathWithin(request.query['next']);
    if (await sessionOf(request, sessions)) return response.redirect(303, next);
    response.status(401).type('html').send(notKeptPage(next));
  });

  router.get('/sign-out', async (request, response) => {
    const user = await sessionOf(request, sessions);
    if (user === undefined) return response.redirect(303, '/admin/sign-in');
    response.type('html').send(signOutPage(user.name));
  });

  router.post('/sign-out', refuseCrossSite, async (request, response) => {
    const token = readSessionCookie(request);
    const user = await sessionOf(request, sessions);
    if (token !== undefined) await sessions.end(token);
    if (user !== undefined) await audit.record({ actor: user.name, action: 'admin.signed-out' });
    clearSessionCookie(response);
    response.redirect(303, '/admin/sign-in?signed-out');
  });

  return router;
}

/**
 * Lets on whoever is signed in, by a session or by HTTP Basic, for scripts. A browser on its way to a page is led to the
 * sign-in page, everything else is told 401.
 */
export function createSignInGuard({ sessions, signIn }: Pick<Deps, 'sessions' | 'signIn'>): RequestHandler {
  return async (request, response, next) => {
    const basic = readBasic(request);
    if (basic !== undefined) {
      const result = await signIn(basic.name, basic.password, originOf(request));
      if (result.kind === 'locked') {
        throw new ProblemError('rate-limited', 'too many failed sign-ins; wait before the next one', {
          members: { limit: 'sign-in' },
          retryAfterMs: result.waitMs,
        });
      }
      if (result.kind === 'wrong') return challenge(request, response);
      setCurrentUser(response, { name: result.user.name, role: result.user.role, via: 'basic' });
      return next();
    }
    const user = await sessionOf(request, sessions);
    if (user === undefined) return challenge(request, response);
    setCurrentUser(response, { ...user, via: 'session' });
    next();
  };
}

/**
 * Refuses what another site's page could make a signed-in browser send. A script tells no origin and needs none: what it
 * sends with its own password no browser sends for it, except for a form, which is not JSON.
 */
export const refuseForged: RequestHandler = (request, response, next) => {
  if (request.method === 'GET' || request.method === 'HEAD' || isSameOrigin(request)) return next();
  const tellsNoSite = request.get('sec-fetch-site') === undefined && request.get('origin') === undefined;
  const isForm = request.method === 'POST' && !request.is('application/json');
  if (tellsNoSite && !isForm && response.locals['adminUser']?.via === 'basic') return next();
  throw new ProblemError('forbidden', 'this request did not come from our own page');
};

async function sessionOf(request: Request, sessions: Sessions) {
  const token = readSessionCookie(request);
  return token === undefined ? undefined : sessions.find(token);
}

function originOf(request: Request): Origin {
  return { address: request.ip ?? '', device: readDeviceCookie(request) };
}

/** The credentials of HTTP Basic (RFC 7617); nonsense is a name that nobody has. */
function readBasic(request: Request): { name: string; password: string } | undefined {
  const [, encoded] = /^Basic +(\S+) *$/i.exec(request.get('authorization') ?? '') ?? [];
  if (encoded === undefined) return undefined;
  const [name = '', ...password] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  return { name, password: password.join(':') };
}

function challenge(request: Request, response: Response): void {
  const isNavigation = request.method === 'GET' && /\btext\/html\b/i.test(request.get('accept') ?? '');
  if (isNavigation && request.get('authorization') === undefined) {
    response.redirect(303, `/admin/sign-in?next=${encodeURIComponent(pathWithin(request.originalUrl))}`);
    return;
  }
  // a browser would answer the challenge of a page's own request with a dialog of its own
  if (request.get('sec-fetch-site') === undefined) {
    response.set('www-authenticate', 'Basic realm="Ringback", charset="UTF-8"');
  }
  response.status(401).type('text/plain').send('Sign in at /admin/sign-in, or send user and password by HTTP Basic.\n');
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : '');
