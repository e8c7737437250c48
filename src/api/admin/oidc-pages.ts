import { type ErrorRequestHandler, Router } from 'express';
import type { Logger } from 'pino';
import type { AuditLog } from '../../shared/audit-log.ts';
import { clearOidcCookie, readOidcCookie, readSessionCookie, setOidcCookie, setSessionCookie } from './cookies.ts';
import { CALLBACK_PATH, type Oidc, OidcRefusal, OidcUnreachable } from './oidc.ts';
import { goOnPage, messagePage } from './pages.ts';
import { pathWithin } from './path-within.ts';
import type { Resolve, Sessions } from './sessions.ts';
import { WORDS } from './words.ts';

interface Deps {
  oidc: Oidc;
  sessions: Sessions;
  resolve: Resolve;
  audit: Pick<AuditLog, 'record'>;
  log: Logger;
}

/** The way to an OpenID provider and back. */
export function createOidcPages({ oidc, sessions, resolve, audit, log }: Deps): Router {
  const router = Router();

  router.get('/sign-in/oidc', async (request, response) => {
    const token = oidc.newToken();
    const address = await oidc.addressFor(token);
    setOidcCookie(response, `${token}.${Buffer.from(pathWithin(request.query['next'])).toString('base64url')}`);
    response.redirect(303, address.href);
  });

  router.get(CALLBACK_PATH.slice('/admin'.length), async (request, response) => {
    const [token = '', next = ''] = (readOidcCookie(request) ?? '').split('.');
    clearOidcCookie(response);
    if (token === '') throw new OidcRefusal('no sign-in was begun here');
    const identity = await oidc.identify(token, request.originalUrl);
    const user = resolve(identity);
    if (user === undefined) {
      log.warn('a sign-in with OpenID ended: neither OIDC_OPERATORS nor OIDC_VIEWERS names this user');
      return void response.status(403).type('html').send(messagePage(WORDS.oidc.notAllowed));
    }
    const session = await sessions.start(identity, readSessionCookie(request));
    await audit.record({ actor: user.name, action: 'admin.signed-in' });
    setSessionCookie(response, session);
    // a redirect would still count as coming from the provider's site, and go without the cookie
    const path = pathWithin(Buffer.from(next, 'base64url').toString());
    response.type('html').send(goOnPage(`/admin/signed-in?next=${encodeURIComponent(path)}`));
  });

  router.use(createRefusalPage(log));
  return router;
}

/** What went wrong on the way, as a page; the log says what it was. */
function createRefusalPage(log: Logger): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (!(error instanceof OidcRefusal || error instanceof OidcUnreachable)) return next(error);
    const isRefusal = error instanceof OidcRefusal;
    const words = isRefusal ? WORDS.oidc.refused : WORDS.oidc.unreachable;
    const cause = error.cause instanceof Error ? error.cause.message : undefined;
    log.warn({ reason: error.message, cause }, `a sign-in with OpenID ended: ${words.title}`);
    response
      .status(isRefusal ? 401 : 503)
      .type('html')
      .send(messagePage(words));
  };
}
