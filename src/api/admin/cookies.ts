import type { CookieOptions, Request, Response } from 'express';

/** `__Host-`: browsers take it only with Secure, for this very host and all its paths, so no other host can plant one. */
const SESSION = '__Host-ringback';
const DEVICE = '__Host-ringback-device';
const OIDC = '__Host-ringback-oidc';
const OPTIONS: CookieOptions = { secure: true, httpOnly: true, sameSite: 'strict', path: '/' };

export const readSessionCookie = (request: Request) => readCookie(request, SESSION);
export const readDeviceCookie = (request: Request) => readCookie(request, DEVICE);

/** Kept until the browser ends; the server ends the session before, whatever the browser does. */
export function setSessionCookie(response: Response, token: string): void {
  response.cookie(SESSION, token, OPTIONS);
}

export function setDeviceCookie(response: Response, token: string, maxAgeMs: number): void {
  response.cookie(DEVICE, token, { ...OPTIONS, maxAge: maxAgeMs });
}

export function clearSessionCookie(response: Response): void {
  response.clearCookie(SESSION, OPTIONS);
}

/** Kept only while somebody is with the OpenID provider, whose redirect has to bring it along: so not `strict`. */
const OIDC_OPTIONS: CookieOptions = { ...OPTIONS, sameSite: 'lax' };
const OIDC_MS = 10 * 60_000;

export const readOidcCookie = (request: Request) => readCookie(request, OIDC);

export function setOidcCookie(response: Response, value: string): void {
  response.cookie(OIDC, value, { ...OIDC_OPTIONS, maxAge: OIDC_MS });
}

export function clearOidcCookie(response: Response): void {
  response.clearCookie(OIDC, OIDC_OPTIONS);
}

/** One cookie as we set them: without quotes and escapes. Anything may stand in it: it is only ever hashed or decoded. */
function readCookie(request: Request, name: string): string | undefined {
  const pairs = (request.get('cookie') ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}
